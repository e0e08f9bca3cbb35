//! The owner of a Secret and the changes of other programs, from metadata alone.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::{
    fields::{ANNOTATIONS, DATA, MARKS, Manager, has, managers, mark, others_of, owned, owner_of, quote, value},
    link::Recorded,
    record::{EXPIRES_AT, HOSTS, INSTANCE, LINKS, MANAGED_BY, REGCRED, Records, TARGET, read},
    settings::SinkSettings,
    template::SecretTemplate,
};

/// The owner of a Secret.
#[derive(Clone, Debug)]
pub(crate) enum Ownership {
    /// Another program, as text.
    Foreign(String),
    /// Another installation of regcred, by its name.
    OtherInstance(String),
    Owned(Owned),
}

/// One object in one state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) uid: Option<String>,
    pub(crate) resource_version: Option<String>,
}

/// A Secret of this installation.
#[derive(Clone, Debug)]
pub(crate) struct Owned {
    pub(crate) version: Version,
    /// Its credentials. `None`: another program wrote the annotation.
    pub(crate) records: Option<Records>,
    /// The changes by other programs, as text.
    pub(crate) drift: Vec<String>,
    /// The changes of the config that are not applied yet.
    pub(crate) undone: Vec<String>,
    /// The desired labels, annotations and login format.
    pub(crate) template: Box<SecretTemplate>,
    /// The labels and annotations of the config that another manager applies. They are not written.
    pub(crate) yielded: Vec<String>,
    /// Whether another manager has applied the same data. The next write then needs force.
    pub(crate) is_claimed: bool,
    /// The links that it records. `None`: another program wrote the annotation.
    pub(crate) linked: Option<Recorded>,
    /// Whether its data is what regcred wrote.
    pub(crate) data_intact: bool,
}

impl Owned {
    /// Returns whether it is unchanged, and as the config requires.
    pub(crate) fn is_whole(&self) -> bool {
        self.drift.is_empty() && self.undone.is_empty()
    }
}

impl Version {
    pub(crate) fn of(metadata: &ObjectMeta) -> Self {
        Self { uid: metadata.uid.clone(), resource_version: metadata.resource_version.clone() }
    }
}

/// Decides by the two labels and the annotation that names the Secret itself. A copy names the original. Data is intact
/// while our own apply owns it.
pub(crate) fn ownership(metadata: &ObjectMeta, settings: &SinkSettings, manager: &str, target: &str) -> Ownership {
    let label = |name| value(metadata.labels.as_ref(), name);
    let annotation = |name| value(metadata.annotations.as_ref(), name);
    let us: Manager<'_> = (manager, "Apply");
    let foreign = |how: &str| Ownership::Foreign(format!("{how}: {}", managers(metadata)));
    if label(MANAGED_BY) != Some(REGCRED) {
        return foreign("it is not regcred's");
    }
    let applied = owned(metadata, us);
    let data_intact = applied.is_some_and(|fields| has(fields, &DATA));
    match (label(INSTANCE), annotation(TARGET)) {
        (Some(instance), Some(it)) if instance == settings.instance.as_str() && it == target => {}
        // The field manager names the instance too, so a removed label is drift.
        (None, Some(it)) if it == target && data_intact => {}
        (Some(instance), _) if instance != settings.instance.as_str() => {
            return Ownership::OtherInstance(instance.to_owned());
        }
        (_, Some(it)) if it != target => return foreign("it is a copy of another Secret"),
        _ => return foreign("its marks of regcred were removed"),
    }
    let mut drift = vec![];
    if !data_intact {
        drift.push(format!("its data was changed by {}", owner_of(metadata, &DATA, us)));
    }
    for (map, name) in MARKS {
        let path = mark(map, name);
        if name == INSTANCE && label(INSTANCE).is_none() {
            drift.push(format!("its {INSTANCE} was removed"));
        // A credential that does not expire has no such annotation.
        } else if (name != EXPIRES_AT || annotation(EXPIRES_AT).is_some())
            && !applied.is_some_and(|fields| has(fields, &path))
        {
            drift.push(format!("its {name} was changed by {}", owner_of(metadata, &path, us)));
        }
    }
    let is_own = |name: &str| applied.is_some_and(|fields| has(fields, &mark(ANNOTATIONS, name)));
    let linked = annotation(LINKS).filter(|_| is_own(LINKS)).and_then(Recorded::read);
    let mut undone = vec![];
    match &linked {
        Some(linked) => {
            if let Some(strange) = quote(linked.dropped(&settings.links).1.into_iter()) {
                drift.push(format!("its {LINKS} names ServiceAccounts that the config does not: {strange}"));
            } else if *linked != Recorded::of(&settings.links) {
                undone.push("its links are different in the config".to_owned());
            }
        }
        None if is_own(LINKS) => drift.push(format!("its {LINKS} is not as regcred writes it")),
        None => {}
    }
    let (template, yielded) = settings.template.yielding(metadata, manager);
    if let Some(applied) = applied {
        let (changed, otherwise) = template.differences(metadata, applied, manager);
        drift.extend(changed);
        undone.extend(otherwise);
    }
    Ownership::Owned(Owned {
        version: Version::of(metadata),
        records: annotation(HOSTS).filter(|_| is_own(HOSTS)).and_then(read),
        drift,
        undone,
        template: template.into(),
        yielded,
        is_claimed: data_intact && others_of(metadata, &DATA, us).is_some(),
        linked,
        data_intact,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{link::Link, record::REFRESHED_AT, template::LoginFormat};

    const RECORDS: &str = r#"{"r.example":{"provider":"one","issued_at":"1970-01-01T00:00:00Z"}}"#;

    fn owned() -> Value {
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

    fn judged(metadata: &Value) -> Ownership {
        judged_as(metadata, &SecretTemplate::default())
    }

    fn judged_as(metadata: &Value, template: &SecretTemplate) -> Ownership {
        let settings = SinkSettings { template: template.clone(), ..SinkSettings::default() };
        let metadata = serde_json::from_value(metadata.clone()).expect("metadata");
        ownership(&metadata, &settings, "regcred", "team-a/ecr-secret")
    }

    fn drift(metadata: &Value) -> (Vec<String>, bool) {
        match judged(metadata) {
            Ownership::Owned(owned) => (owned.drift, owned.records.is_some()),
            other => panic!("{other:?}"),
        }
    }

    fn owner(metadata: &Value) -> String {
        match judged(metadata) {
            Ownership::Foreign(owner) => owner,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn fields_owned_by_the_own_apply_show_no_drift() {
        assert_eq!(drift(&owned()), (vec![], true));
    }

    #[test]
    fn an_edit_is_detected_in_metadata_and_reported_with_its_manager() {
        let mut edited = owned();
        edited["managedFields"][0]["fieldsV1"]["f:data"] = json!({});
        let edit = json!({ "manager": "kubectl-edit", "operation": "Update", "fieldsV1": { "f:data": { "f:.dockerconfigjson": {} } } });
        edited["managedFields"].as_array_mut().expect("a list").push(edit);
        assert_eq!(
            drift(&edited),
            (vec!["its data was changed by \"kubectl-edit\"".into()], true),
            "the dates are still ours"
        );

        let mut lied = owned();
        lied["managedFields"][0]["fieldsV1"]["f:metadata"]["f:annotations"]
            .as_object_mut()
            .expect("a map")
            .remove(&format!("f:{HOSTS}"));
        let (drift, believed) = drift(&lied);
        assert_eq!((drift.len(), believed), (1, false), "dates that are not ours are not believed");
    }

    #[test]
    fn an_update_by_the_own_manager_is_drift() {
        let mut updated = owned();
        updated["managedFields"][0]["operation"] = json!("Update");
        let (drift, believed) = drift(&updated);
        assert!(drift.len() > 3 && !believed);
    }

    #[test]
    fn a_foreign_secret_is_refused_with_its_owner() {
        let mut foreign = owned();
        foreign["labels"] = json!({});
        foreign["managedFields"][0]["manager"] = json!("helm");
        assert_eq!(owner(&foreign), "it is not regcred's: written by \"helm\"");
        let mut other = owned();
        other["labels"][INSTANCE] = json!("blue");
        assert!(matches!(judged(&other), Ownership::OtherInstance(instance) if instance == "blue"));
        let mut copy = owned();
        copy["annotations"][TARGET] = json!("team-b/ecr-secret");
        assert_eq!(owner(&copy), "it is a copy of another Secret: written by \"regcred\"");
        let mut unmarked = owned();
        unmarked["labels"].as_object_mut().expect("a map").remove(INSTANCE);
        let (drift, _) = drift(&unmarked);
        assert!(drift.iter().any(|it| it.contains(INSTANCE)), "it is still ours, and the label is put back: {drift:?}");
        unmarked["managedFields"][0]["manager"] = json!("helm");
        assert_eq!(owner(&unmarked), "its marks of regcred were removed: written by \"helm\"");
        assert_eq!(owner(&json!({})), "it is not regcred's: its writer is unknown");
    }

    #[test]
    fn changed_labels_in_the_config_are_undone_work_and_edited_labels_are_drift() {
        let team = |value: &str| SecretTemplate {
            labels: [("team".to_owned(), value.to_owned())].into(),
            ..SecretTemplate::default()
        };
        let left = |metadata: &Value, template: &SecretTemplate| match judged_as(metadata, template) {
            Ownership::Owned(owned) => (owned.drift, owned.undone),
            other => panic!("{other:?}"),
        };
        let different = (vec![], vec!["its labels are not as the config has them".to_owned()]);
        assert_eq!(left(&owned(), &team("a")), different, "a new one");
        let mut labelled = owned();
        labelled["labels"]["team"] = json!("a");
        labelled["managedFields"][0]["fieldsV1"]["f:metadata"]["f:labels"]["f:team"] = json!({});
        assert_eq!(left(&labelled, &team("a")), (vec![], vec![]));
        assert_eq!(left(&labelled, &team("b")), different, "another value");
        assert_eq!(left(&labelled, &SecretTemplate::default()), different, "none any more");

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
        assert_eq!(left(&labelled, &SecretTemplate::default()), (vec![], vec![]), "others' labels are theirs");

        labelled["managedFields"][1]["operation"] = json!("Apply");
        let Ownership::Owned(owned) = judged_as(&labelled, &team("b")) else { panic!("it is ours") };
        assert_eq!(
            (owned.drift, owned.undone, owned.template.labels.len()),
            (vec![], vec![], 0),
            "who applies it keeps it"
        );
        assert_eq!(owned.yielded, ["label team, which \"kubectl-label\" applies"]);
    }

    #[test]
    fn a_changed_login_format_in_the_config_is_drift() {
        let full = SecretTemplate { logins: LoginFormat::Full, ..SecretTemplate::default() };
        let drift = |metadata: &Value, template: &SecretTemplate| match judged_as(metadata, template) {
            Ownership::Owned(owned) => (owned.drift.len(), owned.undone.len()),
            other => panic!("{other:?}"),
        };
        assert_eq!(drift(&owned(), &full), (1, 0));
        let mut written = owned();
        written["annotations"]["regcred.dev/credentials"] = json!("full");
        written["managedFields"][0]["fieldsV1"]["f:metadata"]["f:annotations"]["f:regcred.dev/credentials"] = json!({});
        assert_eq!((drift(&written, &full), drift(&written, &SecretTemplate::default())), ((0, 0), (1, 0)));
    }

    #[test]
    fn changed_links_in_the_config_are_undone_work_and_not_drift() {
        let mut changed = owned();
        changed["annotations"][LINKS] = json!("{\"default\":[\"pull\"]}");
        let Ownership::Owned(owned) = judged(&changed) else { panic!("it is ours") };
        assert_eq!((owned.drift, owned.undone), (vec![], vec!["its links are different in the config".to_owned()]));
        assert_eq!(owned.linked, Some(Recorded::of(&[Link::pull("default")])));
    }

    #[test]
    fn a_links_annotation_that_regcred_would_not_write_is_drift() {
        let many = (0..33).map(|number| format!("\"a-{number}\":[\"pull\"]")).collect::<Vec<_>>().join(",");
        for links in [&format!("{{{many}}}"), "[]", "", r#"{"A b":["pull"]}"#, r#"{"robot":["pull"]}"#] {
            let mut changed = owned();
            changed["annotations"][LINKS] = json!(links);
            let (drift, believed) = drift(&changed);
            assert!(drift.len() == 1 && drift[0].contains(LINKS) && believed, "{links}: {drift:?}");
        }
        let mut absent = owned();
        absent["annotations"].as_object_mut().expect("a map").remove(LINKS);
        assert_eq!(drift(&absent).0.len(), 1, "one that is too long is not read");
    }
}
