//! Attacks on a team's router, each beside its honest twin; the count is printed at the end.
//!
//! An attack counts once for each defence of its own that refuses it. Nothing here knows more than an attacker could.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each lie changes one thing, and is named where it does"
)]

mod audit;
mod authenticator;
mod count;
mod enrolment;
mod factors;
mod floods;
mod fronts;
mod full;
mod hosts;
mod invites;
mod joining;
mod logins;
mod logouts;
mod pages;
mod people;
mod provider;
mod rights;
mod rotation;
mod shares;
mod strong;
mod told;
mod trusted;
mod wake;
mod world;
