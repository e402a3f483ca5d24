//! What is generated from the contract's types is what stands in the repository.

use std::process::Command;

#[test]
fn generated_files_are_what_the_types_say() {
    let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["codegen", "--check"])
        .output()
        .expect("xtask runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
