//! Checks the options of an entry. Reports all problems at once, each at its key.

use regcred_config::{Problem, Problems, Spec, codes::COMBINATION};

use super::{
    options::{Account, EcrOptions},
    public::{self, PublicOptions},
    token::{Token, plain},
};
use crate::{Environment, Region};

/// Reads the options of an entry. Returns all problems at once: of the form, of single options, and of combinations.
pub(super) fn read(spec: &Spec, environment: &Environment) -> Result<EcrOptions, Problems> {
    if public::is(spec) {
        return read_public(spec, environment);
    }
    let read = spec.partial::<EcrOptions>(&[("region", SUBSTITUTES[0])]);
    let mut problems = read.problems.clone();
    let Some(options) = read.value.clone() else { return Err(all(problems)) };
    let mut regions = SUBSTITUTES.iter().filter_map(|name| Region::new(name).ok()).collect::<Vec<_>>();
    if !read.is_faulty("region") {
        match Region::new(&options.region) {
            Ok(region) => regions = vec![region],
            Err(error) => problems.push(spec.problem("region", error.to_string()).with_code(error.code())),
        }
    }
    problems.extend(wrong(spec, &options, &regions, environment, |key| read.is_faulty(key)));
    let [region] = regions.as_slice() else { return Err(all(problems)) };
    if let Err(error) = plain(options.accounts.iter().map(Account::as_str), region) {
        problems.push(spec.problem("accounts", error.to_string()).with_code(error.code()));
    }
    Problems::check(problems)?;
    Ok(options)
}

fn read_public(spec: &Spec, environment: &Environment) -> Result<EcrOptions, Problems> {
    let read = spec.partial::<PublicOptions>(&[]);
    let mut problems = read.problems.clone();
    let Some(options) = read.value.clone().map(EcrOptions::from) else { return Err(all(problems)) };
    let regions = Region::new(&options.region).into_iter().collect::<Vec<_>>();
    problems.extend(wrong(spec, &options, &regions, environment, |key| read.is_faulty(key)));
    Problems::check(problems)?;
    Ok(options)
}

/// Returns the problems of combinations, and of the options that the provider would refuse in each of these regions.
fn wrong(
    spec: &Spec,
    options: &EcrOptions,
    regions: &[Region],
    environment: &Environment,
    is_faulty: impl Fn(&str) -> bool,
) -> Vec<Problem> {
    let combined = conflicts(options, is_faulty).into_iter();
    let combined = combined.map(|(key, why)| spec.problem(key, why).with_code(&COMBINATION));
    combined.chain(refused(spec, options, regions, environment)).collect()
}

fn all(problems: Vec<Problem>) -> Problems {
    Problems::check(problems).expect_err("an entry that cannot be read has a problem")
}

/// A region of each partition. Other options are checked against these if the region is missing or invalid.
pub(super) const SUBSTITUTES: [&str; 8] = [
    "eu-west-1",
    "cn-north-1",
    "us-gov-west-1",
    "eusc-de-east-1",
    "us-iso-east-1",
    "us-isob-east-1",
    "us-isof-south-1",
    "eu-isoe-west-1",
];
/// A role for checking a session name, which is checked only with a role.
const SUBSTITUTE_ROLE: &str = "arn:aws:iam::000000000000:role/x";

/// Returns only the options that are needed to check one option in a region.
type Only = fn(&EcrOptions, &Region) -> EcrOptions;
/// Options that the provider itself checks.
const ALONE: [(&str, Only); 8] = [
    ("aliases", |all, region| EcrOptions { aliases: all.aliases.clone(), ..EcrOptions::in_region(region.as_str()) }),
    ("endpoint", |all, region| {
        let (endpoint, allow_insecure_endpoint) = (all.endpoint.clone(), all.allow_insecure_endpoint);
        EcrOptions { endpoint, allow_insecure_endpoint, ..EcrOptions::in_region(region.as_str()) }
    }),
    ("identity", |all, region| EcrOptions { identity: all.identity, ..EcrOptions::in_region(region.as_str()) }),
    ("principal", |all, region| EcrOptions {
        principal: all.principal.clone(),
        ..EcrOptions::in_region(region.as_str())
    }),
    ("programs", |all, region| EcrOptions { programs: all.programs.clone(), ..EcrOptions::in_region(region.as_str()) }),
    ("role_arn", |all, region| EcrOptions { role_arn: all.role_arn.clone(), ..EcrOptions::in_region(region.as_str()) }),
    ("session_name", |all, _| {
        let (role_arn, session_name) = (Some(SUBSTITUTE_ROLE.into()), all.session_name.clone());
        EcrOptions { role_arn, session_name, ..EcrOptions::in_region(SUBSTITUTES[0]) }
    }),
    ("web_identity.role_arn", |all, region| EcrOptions {
        web_identity: all.web_identity.clone(),
        ..EcrOptions::in_region(region.as_str())
    }),
];

/// Returns the options that the provider would refuse in each of these regions, each at its key.
fn refused(spec: &Spec, options: &EcrOptions, regions: &[Region], environment: &Environment) -> Vec<Problem> {
    let refusal = |options: EcrOptions| {
        let region = Region::new(&options.region).ok()?;
        Token { region, options }.provider(environment).check().err()
    };
    let Some(first) = regions.first() else { return vec![] };
    if let Some(error) = refusal(EcrOptions::in_region(first.as_str())) {
        // It fails with any options, so the fault is in the environment.
        return vec![Problem::from_error(spec.origin().clone(), &error)];
    }
    let problem = |(key, only): &(&str, Only)| {
        let refusals = regions.iter().map(|region| refusal(only(options, region)));
        let error = refusals.collect::<Option<Vec<_>>>()?.into_iter().next()?;
        Some(spec.problem(key, error.chain()).with_code(error.code()))
    };
    ALONE.iter().filter_map(problem).collect()
}

/// Returns options that cannot be combined, each with its key.
fn conflicts(options: &EcrOptions, is_faulty: impl Fn(&str) -> bool) -> Vec<(&'static str, &'static str)> {
    let is_said = |key: &str, is_valid: bool| is_valid || is_faulty(key);
    let sources = [
        ("profile", is_said("profile", options.profile.is_some())),
        ("web_identity", is_said("web_identity", options.web_identity.is_some())),
        ("identity", is_said("identity", options.identity.is_some())),
    ];
    let second = sources.iter().filter(|(_, there)| *there).nth(1);
    let second = second
        .map(|(key, _)| (*key, "a provider has one identity: set only one of profile, web_identity and identity"));
    // The SDK refuses such an endpoint at each call.
    let forms = [("fips", options.fips == Some(true)), ("dual_stack", options.dual_stack == Some(true))];
    let has_endpoint = is_said("endpoint", options.endpoint.is_some());
    let forms = forms.into_iter().filter(|(_, there)| *there && has_endpoint);
    let of_a_role = [
        ("external_id", is_said("external_id", options.external_id.is_some())),
        ("session_name", is_said("session_name", options.session_name.is_some())),
    ];
    let has_role = is_said("role_arn", options.role_arn.is_some());
    let without_role = of_a_role.iter().filter(|(_, there)| *there && !has_role);
    second
        .into_iter()
        .chain(forms.map(|(key, _)| (key, "it applies only to AWS endpoints, and `endpoint` sets another one")))
        .chain(without_role.map(|(key, _)| (*key, "it requires a `role_arn`")))
        .collect()
}
