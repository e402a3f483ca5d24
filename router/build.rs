//! A new or removed file of the web client is embedded anew; changed ones Cargo sees by itself.
fn main() {
    println!("cargo::rerun-if-changed=../web-client/src");
    println!("cargo::rerun-if-changed=../web-client/index.html");
}
