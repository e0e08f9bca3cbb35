//! The command line of regcred with three more types: `their-regcred check --config regcred.yaml`.

use std::{process::ExitCode, sync::Arc};

use regcred::{
    ProviderType, Types, async_trait,
    config::Problems,
    core::{RegistryProvider, Result},
    plan::{ChosenIdentity, Identities, IdentityFlag, PodIdentity, PodSite, Probe},
};
use third_party::{Robot, RobotType, Shelf};

/// The provider type `badge`: a robot account whose pod has a badge.
struct BadgeType;

#[async_trait]
impl ProviderType for BadgeType {
    const NAME: &'static str = "badge";
    type Options = Robot;

    async fn make(&self, robot: Robot) -> Result<Arc<dyn RegistryProvider>> {
        Ok(Arc::new(robot))
    }

    fn identities(&self) -> Identities {
        let digits = |text: &str| match text.parse::<u32>() {
            Ok(number) => Ok(number.to_string()),
            Err(_) => Err("it is not a number".to_owned()),
        };
        let number = IdentityFlag::new("badge-number", "NUMBER", "Number of the badge", &["badge"], digits);
        Identities::default().with("badge", "A badge").with_flag(number.with_required_by(&["badge"]))
    }

    fn pod_identity(
        &self,
        _: &[Probe<Robot>],
        chosen: &ChosenIdentity,
        _: &PodSite,
    ) -> std::result::Result<PodIdentity, Problems> {
        let number = chosen.flag("badge-number");
        Ok(number.map(|number| PodIdentity::default().with_variable("BADGE", number)).unwrap_or_default())
    }
}

fn main() -> ExitCode {
    let types = Types::default().with_provider(RobotType).and_then(|types| types.with_provider(BadgeType));
    let types = types.and_then(|types| types.with_sink(Shelf::default()));
    regcred_scheduler::cli::main(types.expect("they have different names"))
}
