//! Whose a Secret is, and whether anybody touched it: decided from metadata alone.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::{
    fields::{DATA, MARKS, applied, has, managers, others_of, owner_of, quote, value},
    form::Form,
    link::{Link, Recorded},
    record::{EXPIRES_AT, HOSTS, INSTANCE, LINKS, MANAGED_BY, REGCRED, Records, TARGET, read},
};

/// Whose it is.
#[derive(Clone, Debug)]
pub(crate) enum Standing {
    /// In words.
    Theirs(String),
    /// Of another installation of regcred, by its name.
    Instance(String),
    Ours(Ours),
}

/// That very object, in that very state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) uid: Option<String>,
    pub(crate) resource_version: Option<String>,
}

/// One of ours.
#[derive(Clone, Debug)]
pub(crate) struct Ours {
    pub(crate) version: Version,
    /// What it holds; `None` if what it says of that is not ours.
    pub(crate) records: Option<Records>,
    /// What was touched, in words; empty if nothing was.
    pub(crate) drift: Vec<String>,
    /// What the config wants and it does not say yet.
    pub(crate) undone: Vec<String>,
    /// What is written beside the credentials.
    pub(crate) form: Box<Form>,
    /// What of that somebody else applies, and so is not written, in words.
    pub(crate) theirs: Vec<String>,
    /// Somebody else has applied the very same data: it is as it should be, and the next one takes force.
    pub(crate) is_claimed: bool,
    /// The links that it says it has; `None` if that is not ours.
    pub(crate) linked: Option<Recorded>,
    /// Whether its data is what we wrote.
    pub(crate) data_intact: bool,
}

impl Ours {
    /// Whether nobody has touched it, and the config wants nothing else of it.
    pub(crate) fn is_whole(&self) -> bool {
        self.drift.is_empty() && self.undone.is_empty()
    }
}

/// Who we are, and what we would write.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identity<'a> {
    pub(crate) instance: &'a str,
    pub(crate) manager: &'a str,
    pub(crate) target: &'a str,
    pub(crate) links: &'a [Link],
    pub(crate) form: &'a Form,
}

/// Ours has both labels and names itself; a copy names the original. Intact is what our own apply still owns.
pub(crate) fn standing(metadata: &ObjectMeta, us: &Identity<'_>) -> Standing {
    let label = |name| value(metadata.labels.as_ref(), name);
    let annotation = |name| value(metadata.annotations.as_ref(), name);
    if label(MANAGED_BY) != Some(REGCRED) {
        return Standing::Theirs(format!("it is not regcred's: {}", managers(metadata)));
    }
    let applied = applied(metadata, us.manager);
    let owns = |path: &[&str]| applied.is_some_and(|fields| has(fields, path));
    let data_intact = owns(&DATA);
    match (label(INSTANCE), annotation(TARGET)) {
        (Some(instance), Some(target)) if instance == us.instance && target == us.target => {}
        // The field manager names the instance too, so a label that was removed is drift.
        (None, Some(target)) if target == us.target && data_intact => {}
        (Some(instance), _) if instance != us.instance => {
            return Standing::Instance(instance.to_owned());
        }
        (_, Some(target)) if target != us.target => {
            return Standing::Theirs(format!("it is a copy of another Secret: {}", managers(metadata)));
        }
        _ => {
            return Standing::Theirs(format!("its marks of regcred were removed: {}", managers(metadata)));
        }
    }
    let mut drift = vec![];
    if !data_intact {
        drift.push(format!("its data was changed by {}", owner_of(metadata, &DATA, (us.manager, "Apply"))));
    }
    let is_unlabelled = label(INSTANCE).is_none();
    if is_unlabelled {
        drift.push(format!("its {INSTANCE} was removed"));
    }
    for (map, name) in MARKS.into_iter().filter(|(_, name)| !(is_unlabelled && *name == INSTANCE)) {
        let field = format!("f:{name}");
        let path = ["f:metadata", map, &field];
        // A credential without an end has no such annotation, and nobody else may say that it has one.
        let expected = name != EXPIRES_AT || annotation(EXPIRES_AT).is_some();
        if expected && !owns(&path) {
            drift.push(format!("its {name} was changed by {}", owner_of(metadata, &path, (us.manager, "Apply"))));
        }
    }
    let owned = |name: &str| {
        let field = format!("f:{name}");
        owns(&["f:metadata", "f:annotations", &field])
    };
    let linked = annotation(LINKS).filter(|_| owned(LINKS)).and_then(Recorded::read);
    let mut undone = vec![];
    match &linked {
        Some(linked) if !linked.strange(us.links).is_empty() => {
            let strange = quote(linked.strange(us.links).into_iter()).unwrap_or_default();
            drift.push(format!("its {LINKS} names ServiceAccounts that the config does not: {strange}"));
        }
        Some(linked) if *linked != Recorded::of(us.links) => {
            undone.push("its links are different in the config".to_owned());
        }
        None if owned(LINKS) => drift.push(format!("its {LINKS} is not as regcred writes it")),
        Some(_) | None => {}
    }
    let (form, theirs) = us.form.yielding(metadata, us.manager);
    if let Some(ours) = applied {
        let (changed, otherwise) = form.differences(metadata, ours, us.manager);
        drift.extend(changed);
        undone.extend(otherwise);
    }
    Standing::Ours(Ours {
        version: Version::of(metadata),
        records: annotation(HOSTS).filter(|_| owned(HOSTS)).and_then(read),
        drift,
        undone,
        form: form.into(),
        theirs,
        is_claimed: data_intact && others_of(metadata, &DATA, (us.manager, "Apply")).is_some(),
        linked,
        data_intact,
    })
}

impl Version {
    pub(crate) fn of(metadata: &ObjectMeta) -> Self {
        Self { uid: metadata.uid.clone(), resource_version: metadata.resource_version.clone() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{form::LoginFormat, record::REFRESHED_AT};

    const RECORDS: &str = r#"{"r.example":{"provider":"one","issued_at":"1970-01-01T00:00:00Z"}}"#;

    fn ours() -> Value {
        json!({
            "uid": "u", "resourceVersion": "7",
            "labels": { MANAGED_BY: "regcred", INSTANCE: "default" },
            "annotations": { TARGET: "team-a/ecr-secret", HOSTS: RECORDS, REFRESHED_AT: "1970-01-01T00:00:00Z", LINKS: "{}" },
            "managedFields": [{ "manager": "regcred", "operation": "Apply", "fieldsV1": {
                "f:data": { "f:.dockerconfigjson": {} }, "f:type": {},
                "f:metadata": {
                    "f:labels": { format!("f:{MANAGED_BY}"): {}, format!("f:{INSTANCE}"): {} },
                    "f:annotations": {
                        format!("f:{TARGET}"): {}, format!("f:{HOSTS}"): {}, format!("f:{REFRESHED_AT}"): {}, format!("f:{LINKS}"): {},
                    },
                },
            }}],
        })
    }

    fn judged(metadata: &Value) -> Standing {
        judged_as(metadata, &Form::default())
    }

    fn judged_as(metadata: &Value, form: &Form) -> Standing {
        let us = Identity { instance: "default", manager: "regcred", target: "team-a/ecr-secret", links: &[], form };
        standing(&serde_json::from_value(metadata.clone()).expect("metadata"), &us)
    }

    fn drift(metadata: &Value) -> (Vec<String>, bool) {
        match judged(metadata) {
            Standing::Ours(ours) => (ours.drift, ours.records.is_some()),
            other => panic!("{other:?}"),
        }
    }

    fn owner(metadata: &Value) -> String {
        match judged(metadata) {
            Standing::Theirs(owner) => owner,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_our_own_apply_still_owns_is_intact() {
        assert_eq!(drift(&ours()), (vec![], true));
    }

    #[test]
    fn an_edit_shows_in_metadata_and_names_its_author() {
        let mut edited = ours();
        edited["managedFields"][0]["fieldsV1"]["f:data"] = json!({});
        let edit = json!({ "manager": "kubectl-edit", "operation": "Update", "fieldsV1": { "f:data": { "f:.dockerconfigjson": {} } } });
        edited["managedFields"].as_array_mut().expect("a list").push(edit);
        assert_eq!(
            drift(&edited),
            (vec!["its data was changed by \"kubectl-edit\"".into()], true),
            "the dates are still ours"
        );

        let mut lied = ours();
        lied["managedFields"][0]["fieldsV1"]["f:metadata"]["f:annotations"]
            .as_object_mut()
            .expect("a map")
            .remove(&format!("f:{HOSTS}"));
        let (drift, believed) = drift(&lied);
        assert_eq!((drift.len(), believed), (1, false), "dates that are not ours are not believed");
    }

    #[test]
    fn our_own_update_is_not_our_apply() {
        let mut updated = ours();
        updated["managedFields"][0]["operation"] = json!("Update");
        let (drift, believed) = drift(&updated);
        assert!(drift.len() > 3 && !believed);
    }

    #[test]
    fn everything_else_is_foreign_and_says_whose() {
        let mut foreign = ours();
        foreign["labels"] = json!({});
        foreign["managedFields"][0]["manager"] = json!("helm");
        assert_eq!(owner(&foreign), "it is not regcred's: written by \"helm\"");
        let mut other = ours();
        other["labels"][INSTANCE] = json!("blue");
        assert!(matches!(judged(&other), Standing::Instance(instance) if instance == "blue"));
        let mut copy = ours();
        copy["annotations"][TARGET] = json!("team-b/ecr-secret");
        assert_eq!(owner(&copy), "it is a copy of another Secret: written by \"regcred\"");
        let mut unmarked = ours();
        unmarked["labels"].as_object_mut().expect("a map").remove(INSTANCE);
        let (drift, _) = drift(&unmarked);
        assert!(drift.iter().any(|it| it.contains(INSTANCE)), "it is still ours, and the label is put back: {drift:?}");
        unmarked["managedFields"][0]["manager"] = json!("helm");
        assert_eq!(owner(&unmarked), "its marks of regcred were removed: written by \"helm\"");
        assert_eq!(owner(&json!({})), "it is not regcred's: nobody says who wrote it");
    }

    #[test]
    fn labels_that_the_config_changed_are_left_to_do_and_an_edit_names_its_author() {
        let team = |value: &str| Form { labels: [("team".to_owned(), value.to_owned())].into(), ..Form::default() };
        let left = |metadata: &Value, form: &Form| match judged_as(metadata, form) {
            Standing::Ours(ours) => (ours.drift, ours.undone),
            other => panic!("{other:?}"),
        };
        let different = (vec![], vec!["its labels are not as the config has them".to_owned()]);
        assert_eq!(left(&ours(), &team("a")), different, "a new one");
        let mut labelled = ours();
        labelled["labels"]["team"] = json!("a");
        labelled["managedFields"][0]["fieldsV1"]["f:metadata"]["f:labels"]["f:team"] = json!({});
        assert_eq!(left(&labelled, &team("a")), (vec![], vec![]));
        assert_eq!(left(&labelled, &team("b")), different, "another value");
        assert_eq!(left(&labelled, &Form::default()), different, "none any more");

        labelled["managedFields"][0]["fieldsV1"]["f:metadata"]["f:labels"]
            .as_object_mut()
            .expect("a map")
            .remove("f:team");
        let edit = json!({ "manager": "kubectl-label", "operation": "Update", "fieldsV1": { "f:metadata": { "f:labels": { "f:team": {} } } } });
        labelled["managedFields"].as_array_mut().expect("a list").push(edit);
        assert_eq!(
            left(&labelled, &team("b")),
            (vec!["its label team is as \"kubectl-label\" has it".to_owned()], vec![])
        );
        assert_eq!(left(&labelled, &team("a")), different, "their value is ours: it becomes ours too");
        assert_eq!(left(&labelled, &Form::default()), (vec![], vec![]), "others' labels are theirs");

        labelled["managedFields"][1]["operation"] = json!("Apply");
        let Standing::Ours(ours) = judged_as(&labelled, &team("b")) else { panic!("it is ours") };
        assert_eq!((ours.drift, ours.undone, ours.form.labels.len()), (vec![], vec![], 0), "who applies it keeps it");
        assert_eq!(ours.theirs, ["label team, which \"kubectl-label\" applies"]);
    }

    #[test]
    fn logins_that_the_config_writes_otherwise_are_written_anew() {
        let full = Form { logins: LoginFormat::Full, ..Form::default() };
        let drift = |metadata: &Value, form: &Form| match judged_as(metadata, form) {
            Standing::Ours(ours) => (ours.drift.len(), ours.undone.len()),
            other => panic!("{other:?}"),
        };
        assert_eq!(drift(&ours(), &full), (1, 0));
        let mut written = ours();
        written["annotations"]["regcred.dev/credentials"] = json!("full");
        written["managedFields"][0]["fieldsV1"]["f:metadata"]["f:annotations"]["f:regcred.dev/credentials"] = json!({});
        assert_eq!((drift(&written, &full), drift(&written, &Form::default())), ((0, 0), (1, 0)));
    }

    #[test]
    fn links_that_the_config_changed_are_left_to_do_and_nobody_s_edit() {
        let mut changed = ours();
        changed["annotations"][LINKS] = json!("{\"default\":[\"pull\"]}");
        let Standing::Ours(ours) = judged(&changed) else { panic!("it is ours") };
        assert_eq!((ours.drift, ours.undone), (vec![], vec!["its links are different in the config".to_owned()]));
        assert_eq!(ours.linked, Some(Recorded::of(&[Link::pull("default")])));
    }

    #[test]
    fn links_that_regcred_would_not_write_are_a_disturbance() {
        let many = (0..33).map(|number| format!("\"a-{number}\":[\"pull\"]")).collect::<Vec<_>>().join(",");
        for links in [&format!("{{{many}}}"), "[]", "", r#"{"A b":["pull"]}"#, r#"{"robot":["pull"]}"#] {
            let mut changed = ours();
            changed["annotations"][LINKS] = json!(links);
            let (drift, believed) = drift(&changed);
            assert!(drift.len() == 1 && drift[0].contains(LINKS) && believed, "{links}: {drift:?}");
        }
        let mut absent = ours();
        absent["annotations"].as_object_mut().expect("a map").remove(LINKS);
        assert_eq!(drift(&absent).0.len(), 1, "one that is too long is not read");
    }
}
