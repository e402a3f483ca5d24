//! Counts attacks, and the defences that refuse them.

use std::collections::BTreeSet;

use tests::https::Answer;

use super::world::Socket;

/// Counts what was refused, and by how many different defences at the least: each place of a test that looks at a
/// refusal, with each code that came there.
#[derive(Debug, Default)]
pub(crate) struct Count {
    pub(crate) refusals: u32,
    defences: BTreeSet<(&'static str, u32, String)>,
}

impl Count {
    /// An attack that failed in a way of its own.
    #[track_caller]
    pub(crate) fn one(&mut self) {
        self.by("");
    }

    #[track_caller]
    fn by(&mut self, code: &str) {
        let at = std::panic::Location::caller();
        self.refusals += 1;
        self.defences.insert((at.file(), at.line(), code.to_owned()));
    }

    /// An attack that got this status and code.
    #[track_caller]
    pub(crate) fn refused(&mut self, what: &str, answer: &Answer, status: u16, code: &str) {
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (status, code),
            "{what}: {answer:?}"
        );
        self.by(code);
    }

    #[track_caller]
    pub(crate) fn shut(
        &mut self,
        what: &str,
        socket: &Result<Socket, (u16, String)>,
        status: u16,
        code: &str,
    ) {
        match socket {
            Ok(_) => panic!("{what}: let in"),
            Err(refusal) => assert_eq!(*refusal, (status, code.to_owned()), "{what}"),
        }
        self.by(code);
    }

    /// A login that ended at the start page with that problem, and without a cookie.
    #[track_caller]
    pub(crate) fn turned_away(&mut self, what: &str, answer: &Answer, code: &str) {
        assert_eq!(answer.status, 303, "{what}: {answer:?}");
        assert_eq!(
            answer.header("location"),
            Some(format!("/?problem={code}").as_str()),
            "{what}"
        );
        assert!(
            answer.headers("set-cookie").all(
                |cookie| !cookie.starts_with("__Host-removid=") || cookie.starts_with("__Host-removid=;")
            ),
            "{what}: {answer:?}"
        );
        self.by(code);
    }

    #[expect(clippy::print_stdout, reason = "the count is part of the test's answer")]
    pub(crate) fn say(&self, area: &str) {
        println!(
            "{area}: {} attacks, refused by {} defences at least, 0 let in",
            self.refusals,
            self.defences.len()
        );
    }
}
