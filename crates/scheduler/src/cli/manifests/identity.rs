//! The identities that the types of this program offer: `--identity`, and the flags that describe an identity.

use std::{collections::BTreeMap, sync::OnceLock};

use clap::{Arg, ArgMatches, Command, Error, FromArgMatches, builder::PossibleValue, builder::PossibleValuesParser};
use regcred::{BuiltIn, Types};
use regcred_plan::{ChosenIdentity, Identities, IdentityFlag};

use crate::codes;

/// The identities of this process. If unset, the identities of the built-in types.
static OFFERED: OnceLock<Identities> = OnceLock::new();

/// The value of `--identity` for no identity.
const NONE: &str = "none";
const NAME: &str = "identity";

/// Offers the identities of these types. Call it before the command line is parsed.
pub(crate) fn install(types: &Types) {
    OFFERED.set(types.identities()).ok();
}

/// Returns the identities of this process.
pub(crate) fn offered() -> &'static Identities {
    OFFERED.get_or_init(|| BuiltIn::default().add_to(Types::default()).map(|it| it.identities()).unwrap_or_default())
}

/// `--identity`, and the flags of the types that describe an identity.
#[derive(Clone, Debug)]
pub(super) struct IdentityArgs {
    name: String,
    flags: BTreeMap<&'static str, String>,
}

impl IdentityArgs {
    /// Refuses a flag that the chosen identity does not use. `is_policy`: whether the mode is `iam`.
    pub(super) fn check(&self, is_policy: bool) -> regcred_core::Result<()> {
        for flag in offered().flags.iter().filter(|flag| self.flags.contains_key(flag.name)) {
            let takes = if is_policy { flag.policy_identities } else { flag.identities };
            if !takes.contains(&self.name.as_str()) {
                let needs =
                    if takes.is_empty() { "--mode iam".to_owned() } else { format!("--identity {}", any(takes)) };
                let error = regcred_core::Error::new(&codes::USAGE, format!("cannot use --{}", flag.name));
                return Err(error.with_cause(format!("it needs {needs}")));
            }
        }
        Ok(())
    }

    /// Returns the chosen identity.
    pub(super) fn chosen(&self) -> ChosenIdentity {
        let chosen = if self.name == NONE { ChosenIdentity::default() } else { ChosenIdentity::new(&self.name) };
        self.flags.iter().fold(chosen, |chosen, (flag, value)| chosen.with_flag(*flag, value))
    }
}

/// Joins words as alternatives: `a, b or c`.
fn any(words: &[&str]) -> String {
    match words {
        [before @ .., last] if !before.is_empty() => format!("{} or {last}", before.join(", ")),
        words => words.concat(),
    }
}

fn name() -> Arg {
    let none = (NONE, "No identity other than those in the config");
    let names = [none].into_iter().chain(offered().names.iter().copied());
    let values = names.map(|(name, help)| PossibleValue::new(name).help(help));
    Arg::new(NAME)
        .long(NAME)
        .value_name("IDENTITY")
        .help("How regcred authenticates to its providers, unless the config sets it")
        .value_parser(PossibleValuesParser::new(values))
        .default_value(NONE)
}

fn flag(flag: &'static IdentityFlag) -> Arg {
    let arg = Arg::new(flag.name).long(flag.name).value_name(flag.value_name).help(flag.help);
    let arg = arg.value_parser(|text: &str| flag.parse(text));
    arg.required_if_eq_any(flag.required_by.iter().map(|identity| (NAME, *identity)))
}

impl clap::Args for IdentityArgs {
    fn augment_args(command: Command) -> Command {
        command.arg(name()).args(offered().flags.iter().map(flag))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for IdentityArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let name = matches.get_one::<String>(NAME).cloned().unwrap_or_else(|| NONE.into());
        let value = |flag: &IdentityFlag| Some((flag.name, matches.get_one::<String>(flag.name)?.clone()));
        Ok(Self { name, flags: offered().flags.iter().filter_map(value).collect() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
