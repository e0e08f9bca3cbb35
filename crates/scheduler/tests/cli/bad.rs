//! Configs that are wrong: each file of `bad/` beside what it is told. To add a case, add a file; `INSTA_UPDATE=always` writes
//! what it is told now.

use crate::world::{regcred, run};

#[test]
fn each_is_told_everything_that_is_wrong_with_it_and_where() {
    insta::glob!("bad/*.yaml", |path| {
        // From the folder itself, so that messages name the file and not this machine's paths.
        let (folder, name) = (path.parent().expect("a folder"), path.file_name().expect("a name"));
        let (code, _, told) = run(regcred(&["check", "--config"]).arg(name).current_dir(folder));
        assert_eq!(code, 2, "{}: {told}", path.display());
        insta::with_settings!({ snapshot_path => "bad", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!("told", told);
        });
    });
}
