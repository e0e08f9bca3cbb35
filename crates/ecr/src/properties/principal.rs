//! Properties of principals: which callers match which principals.

use proptest::prelude::*;

use crate::arn::is_same;

/// Principals with few different names, so that matches are frequent.
#[derive(Clone, Debug)]
struct Principal {
    partition: &'static str,
    account: &'static str,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    User(String),
    Role(String),
    Session(String, String),
    Root,
}

impl Principal {
    fn arn(&self) -> String {
        let Self { partition, account, kind } = self;
        let (service, resource) = match kind {
            Kind::User(name) => ("iam", format!("user/{name}")),
            Kind::Role(name) => ("iam", format!("role/{name}")),
            Kind::Session(role, session) => ("sts", format!("assumed-role/{role}/{session}")),
            Kind::Root => ("iam", "root".to_owned()),
        };
        format!("arn:{partition}:{service}::{account}:{resource}")
    }

    fn is_named(&self, named: &Self) -> bool {
        let same_place = (self.partition, self.account) == (named.partition, named.account);
        let same = match (&self.kind, &named.kind) {
            (Kind::Session(role, _), Kind::Role(named)) => named.rsplit('/').next() == Some(role),
            (Kind::User(one), Kind::User(other)) => one == other,
            (Kind::Session(role, session), Kind::Session(other, other_session)) => {
                (role, session) == (other, other_session)
            }
            (Kind::Root, Kind::Root) => true,
            _ => false,
        };
        same_place && same
    }
}

fn principal() -> impl Strategy<Value = Principal> {
    let name = || prop_oneof![4 => "[ab]", 1 => "[a-zA-Z0-9+=,.@_-]{1,12}"];
    let path = || {
        (name(), prop_oneof![Just(""), Just("p/"), Just("role/a/")]).prop_map(|(name, path)| path.to_owned() + &name)
    };
    let kind = prop_oneof![
        1 => path().prop_map(Kind::User),
        3 => path().prop_map(Kind::Role),
        3 => (name(), name()).prop_map(|(role, session)| Kind::Session(role, session)),
        1 => Just(Kind::Root),
    ];
    let partition = prop_oneof![3 => Just("aws"), 1 => Just("aws-cn"), 1 => Just("aws-us-gov")];
    let account = prop_oneof![3 => Just("123456789012"), 1 => Just("012345678901")];
    (partition, account, kind).prop_map(|(partition, account, kind)| Principal { partition, account, kind })
}

/// Principals that can call. A role never calls, only its sessions do.
fn caller() -> impl Strategy<Value = Principal> {
    principal().prop_map(|it| match it.kind {
        Kind::Role(name) => {
            let role = name.rsplit('/').next().unwrap_or_default().to_owned();
            Principal { kind: Kind::Session(role, "s".into()), ..it }
        }
        _ => it,
    })
}

proptest! {
    #![proptest_config(super::config())]

    #[test]
    fn every_principal_matches_itself(one in principal()) {
        prop_assert!(is_same(&one.arn(), &one.arn()));
    }

    #[test]
    fn principals_of_different_accounts_or_partitions_never_match(caller in principal(), named in principal()) {
        let elsewhere = Principal { partition: named.partition, account: named.account, ..caller.clone() };
        for named in [named, elsewhere] {
            let same = is_same(&caller.arn(), &named.arn());
            prop_assert!(!same || (caller.partition, caller.account) == (named.partition, named.account));
        }
    }

    #[test]
    fn a_caller_matches_its_own_arn_or_the_role_of_its_session(caller in caller(), named in principal()) {
        prop_assert_eq!(is_same(&caller.arn(), &named.arn()), caller.is_named(&named));
    }

    #[test]
    fn text_that_is_not_a_principal_matches_only_itself(one in principal(), text in any::<String>()) {
        for text in [text.clone(), one.arn() + ":" + &text, text.clone() + &one.arn()] {
            prop_assert_eq!(is_same(&text, &one.arn()), text == one.arn());
            prop_assert_eq!(is_same(&one.arn(), &text), text == one.arn());
            prop_assert!(is_same(&text, &text));
        }
    }
}
