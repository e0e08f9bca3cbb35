//! The codes of problems with a plan.

regcred_core::codes! {
    /// The codes of problems with a plan.
    pub CODES;
    TYPES = "RC0201", Invalid, "The types of a program do not fit together",
        cause "Two types have the same name, or share an identity, a flag or a key of a target.",
        fix "Correct the program that adds the types. A config cannot cause it.";
    OVERLAP = "RC0202", Invalid, "Two entries may describe the same Secret",
        cause "An earlier entry names a namespace that this entry may also select by labels.",
        fix "Name the namespace in this entry too, or use another name for the Secret.";
    OPEN_PUSH = "RC0203", Invalid, "A push login would reach namespaces that any user can create",
        cause "The entry selects namespaces by name. A user who may create namespaces chooses their names.",
        fix "Name the namespaces, or add a `selector` for a label that only administrators set.";
    DIFFERENT = "RC0204", Invalid, "Two entries describe the same Secret differently",
        cause "Entries for the same Secret are united, and a setting of the Secret can have only one value.",
        fix "Use the same value in both entries, or another name for the Secret.";
    NO_NAMESPACES = "RC0205", Invalid, "The sink has no namespaces to select",
        cause "The entry selects namespaces by pattern or label, and its sink is not a cluster.",
        fix "Name the namespaces.";
    NO_VERIFIER = "RC0206", Invalid, "This program cannot verify credentials",
        cause "An entry of `providers:` has `verify`, and the program was built without the verification of credentials.",
        fix "Remove `verify`, or use a program that verifies credentials, such as `regcred` itself.";
}
