//! Fuzzes `fuzz::bulk`; `fuzz/src/lib.rs` says what that promises.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::bulk(bytes));
