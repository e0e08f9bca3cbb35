//! Invalid configs: each file of `bad/` with the errors that regcred prints for it.
//!
//! To add a case, add a file. `INSTA_UPDATE=always` writes the current errors.

use crate::world::{regcred, run};

#[test]
fn each_bad_config_reports_all_errors_with_their_places() {
    insta::glob!("bad/*.yaml", |path| {
        // The command runs in the folder itself, so that messages name the file and not a path of this machine.
        let (folder, name) = (path.parent().expect("a folder"), path.file_name().expect("a name"));
        let (code, _, told) = run(regcred(&["check", "--config"]).arg(name).current_dir(folder));
        assert_eq!(code, 2, "{}: {told}", path.display());
        insta::with_settings!({ snapshot_path => "bad", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!("errors", told);
        });
    });
}
