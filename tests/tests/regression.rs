//! Every input that fuzzing once found, and a few that it should not have to find, through the same functions.

use tests::root;

#[expect(
    unreachable_pub,
    reason = "the same file is the library of a crate of its own"
)]
#[path = "../../fuzz/src/lib.rs"]
mod targets;

#[test]
fn what_was_found_once_stays_mended() {
    for (name, run) in targets::TARGETS {
        let folder = root().join("tests/regression").join(name);
        let mut seen = 0;
        for entry in
            std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        {
            let path = entry.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            assert!(
                std::panic::catch_unwind(|| run(&bytes)).is_ok(),
                "{} breaks {name}",
                path.display()
            );
            seen += 1;
        }
        assert!(seen > 0, "{} is empty", folder.display());
    }
}

#[test]
fn every_target_is_run_by_the_fuzzer_and_every_folder_by_a_target() {
    for (folder, suffix) in [("fuzz/fuzz_targets", ".rs"), ("tests/regression", "")] {
        let mut found: Vec<String> = std::fs::read_dir(root().join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .map(|name| name.trim_end_matches(suffix).to_owned())
            .collect();
        found.sort();
        let mut named = targets::TARGETS.map(|(name, _)| name);
        named.sort_unstable();
        assert_eq!(found, named, "{folder}");
    }
}
