//! Makes the names of files safe that a stranger's machine chose.
//!
//! A path is cut at every kind of slash, so nothing climbs out of the folder; what cannot be shown, or shows something
//! else than it is, goes; what is left is at most as long as file systems take, with its ending kept.

/// Folders within each other.
const DEEP: usize = 32;
/// Bytes of one name; file systems take 255, and a part file's name has a few more.
const LONG: usize = 200;
/// Bytes of an ending that is kept when a name is cut.
const ENDING: usize = 16;

/// The parts of a safe path below the shared folder, the file's name last; `None` when nothing is left of it.
pub fn safe_path(path: &str) -> Option<Vec<String>> {
    let parts: Vec<String> = path
        .split(['/', '\\'])
        .filter(|part| !matches!(part.trim(), "" | "." | ".."))
        .map(safe_name)
        .collect();
    (!parts.is_empty() && parts.len() <= DEEP).then_some(parts)
}

/// A name that can be made in any folder and is what it looks like.
pub fn safe_name(name: &str) -> String {
    let shown: String = name
        .chars()
        .map(|c| if matches!(c, '/' | '\\') { '_' } else { c })
        .filter(|c| !c.is_control() && !is_deceiving(*c))
        .collect();
    let trimmed = shown.trim();
    // Hidden files, and what programs take for a flag, begin otherwise.
    let begun = match trimmed.chars().next() {
        Some('.' | '-' | '~') => format!("_{}", trimmed.get(1..).unwrap_or_default()),
        Some(_) => trimmed.to_owned(),
        None => "_".to_owned(),
    };
    shorten(&begun)
}

/// The same name with a number, for a file that must not replace another.
pub fn numbered(name: &str, number: u32) -> String {
    let (stem, ending) = split(name);
    shorten(&format!("{stem} ({number}){ending}"))
}

/// Characters without a shape of their own, which turn or hide what stands beside them.
fn is_deceiving(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn split(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(at) if at > 0 && name.len() - at <= ENDING => name.split_at(at),
        Some(_) | None => (name, ""),
    }
}

fn shorten(name: &str) -> String {
    if name.len() <= LONG {
        return name.to_owned();
    }
    let (stem, ending) = split(name);
    let mut end = LONG.saturating_sub(ending.len());
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{ending}", stem.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hostile_names_become_harmless() {
        let safe = |path: &str| safe_path(path).map(|parts| parts.join("/"));
        for (path, wanted) in [
            ("a.txt", Some("a.txt")),
            ("folder/a b.txt", Some("folder/a b.txt")),
            ("../../etc/passwd", Some("etc/passwd")),
            ("/etc/passwd", Some("etc/passwd")),
            ("..\\..\\boot.ini", Some("boot.ini")),
            (".bashrc", Some("_bashrc")),
            ("-rf", Some("_rf")),
            ("a\u{0}b\nc", Some("abc")),
            ("photo\u{202e}gpj.exe", Some("photogpj.exe")),
            ("ünïcödé 🙂.png", Some("ünïcödé 🙂.png")),
            ("   ", None),
            ("../..", None),
            ("", None),
        ] {
            assert_eq!(safe(path).as_deref(), wanted, "{path:?}");
        }
        assert_eq!(safe_path(&"a/".repeat(40)), None);
        let long = safe_name(&format!("{}.tar.gz", "ü".repeat(300)));
        assert!(long.len() <= LONG && long.ends_with(".gz"));
        assert_eq!(numbered("a.txt", 2), "a (2).txt");
        assert_eq!(numbered("README", 3), "README (3)");
    }

    proptest! {
        #[test]
        fn no_path_leaves_the_folder(path in "(\\.|/|\\\\|[a-z]|\\x00|\\x1b|\u{202e}|ü){0,400}") {
            for part in safe_path(&path).unwrap_or_default() {
                prop_assert!(!part.is_empty() && part.len() <= LONG);
                prop_assert!(!part.contains(['/', '\\', '\0']) && !part.starts_with('.'));
                prop_assert_eq!(safe_name(&part), part.clone(), "once is enough");
            }
        }
    }
}
