//! `Xauthority` files: the list of cookies by which an X server knows its friends.
//!
//! A record is `family:u16 address number name data`, each of the four a `length:u16` and bytes, big-endian.

use std::io::{Error, ErrorKind, Result};
use std::path::Path;

pub(super) const NAME: &[u8] = b"MIT-MAGIC-COOKIE-1";

/// The cookie for that display number: the first one that names the number, or any.
pub(super) fn cookie(path: &Path, display: u16) -> Result<Vec<u8>> {
    let file = std::fs::read(path)?;
    let number = display.to_string();
    let mut rest = &file[..];
    while !rest.is_empty() {
        let record = record(&mut rest).ok_or_else(|| Error::from(ErrorKind::InvalidData))?;
        let [_address, for_number, name, data] = record;
        if name == NAME && (for_number.is_empty() || for_number == number.as_bytes()) {
            return Ok(data.to_vec());
        }
    }
    Err(Error::new(
        ErrorKind::NotFound,
        "it has no cookie for this display",
    ))
}

fn record<'a>(rest: &mut &'a [u8]) -> Option<[&'a [u8]; 4]> {
    let _family = rest.split_off(..2)?;
    let mut fields = [&[][..]; 4];
    for field in &mut fields {
        let length: [u8; 2] = rest.split_off(..2)?.try_into().ok()?;
        *field = rest.split_off(..usize::from(u16::from_be_bytes(length)))?;
    }
    Some(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_of_the_right_display_is_found() {
        let mut file = Vec::new();
        for (number, data) in [("3", "three"), ("", "any")] {
            file.extend([0xff, 0xff]);
            for field in [b"host", number.as_bytes(), NAME, data.as_bytes()] {
                file.extend(u16::try_from(field.len()).unwrap().to_be_bytes());
                file.extend(field);
            }
        }
        let path = std::env::temp_dir().join(format!("removid-authority-{}", std::process::id()));
        std::fs::write(&path, &file).unwrap();
        let found = [cookie(&path, 3).unwrap(), cookie(&path, 4).unwrap()];
        std::fs::write(&path, &file[..9]).unwrap();
        let cut = cookie(&path, 3);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(found, [b"three".to_vec(), b"any".to_vec()]);
        assert_eq!(cut.unwrap_err().kind(), ErrorKind::InvalidData);
    }
}
