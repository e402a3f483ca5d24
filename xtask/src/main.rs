//! `cargo run -p xtask -- codegen [--check]`: writes what is made from the types of `signaling-spec`, or
//! says that it has drifted.

mod codegen;
#[path = "../../team-router/src/audit/codes.rs"]
#[expect(unreachable_pub, reason = "it is another crate's table")]
mod codes;

use anyhow::bail;

fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["codegen"] => codegen::write(),
        ["codegen", "--check"] => codegen::check(),
        _ => bail!("usage: cargo run -p xtask -- codegen [--check]"),
    }
}
