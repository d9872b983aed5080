//! Users and groups of the machine.

use std::ffi::CString;

use ncolony_core::descriptor::{Account, Identity};
use nix::unistd::{Gid, Group, Uid, User, getegid, geteuid, getgrouplist};

/// What a program runs as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Credentials {
    /// The user; `None` is ours.
    pub(crate) uid: Option<u32>,
    /// The group; `None` is ours.
    pub(crate) gid: Option<u32>,
    /// The supplementary groups; `None` leaves ours.
    pub(crate) groups: Option<Vec<u32>>,
}

/// Looks an identity up in the account database.
///
/// # Errors
/// A sentence that says which account there is not.
pub(crate) fn resolve(identity: &Identity) -> Result<Credentials, String> {
    let named_gid = identity.group.as_ref().map(group_id).transpose()?;
    let Some(account) = &identity.user else {
        return Ok(Credentials {
            uid: None,
            gid: named_gid,
            groups: None,
        });
    };
    let user = find_user(account)?;
    let gid = match (named_gid, &user, account) {
        (Some(gid), _, _) => gid,
        (None, Some(user), _) => user.gid.as_raw(),
        (None, None, account) => {
            return Err(format!(
                "user {} has no account, so a group must be given",
                name(account)
            ));
        }
    };
    let (uid, groups) = match (&user, account) {
        (Some(user), _) => (user.uid.as_raw(), groups_of(user, gid)?),
        (None, Account::Id(uid)) => (*uid, vec![gid]),
        (None, Account::Name(name)) => return Err(format!("there is no user {name:?}")),
    };
    if is_what_we_are(uid, gid) {
        return Ok(AS_WE_ARE);
    }
    Ok(Credentials {
        uid: Some(uid),
        gid: Some(gid),
        groups: Some(groups),
    })
}

const AS_WE_ARE: Credentials = Credentials {
    uid: None,
    gid: None,
    groups: None,
};

/// A user may name itself, although only root may change what a process is.
fn is_what_we_are(uid: u32, gid: u32) -> bool {
    !geteuid().is_root() && geteuid().as_raw() == uid && getegid().as_raw() == gid
}

fn find_user(account: &Account) -> Result<Option<User>, String> {
    let found = match account {
        Account::Id(id) => User::from_uid(Uid::from_raw(*id)),
        Account::Name(name) => User::from_name(name),
    };
    let found = found.map_err(|errno| {
        let why = super::errno::in_words(errno as i32);
        format!("cannot look up user {}: {why}", name(account))
    })?;
    match (&found, account) {
        (None, Account::Name(name)) => Err(format!("there is no user {name:?}")),
        (None, Account::Id(_)) | (Some(_), _) => Ok(found),
    }
}

fn group_id(account: &Account) -> Result<u32, String> {
    let name = match account {
        Account::Id(id) => return Ok(*id),
        Account::Name(name) => name,
    };
    match Group::from_name(name) {
        Ok(Some(group)) => Ok(group.gid.as_raw()),
        Ok(None) => Err(format!("there is no group {name:?}")),
        Err(errno) => Err(format!(
            "cannot look up group {name:?}: {}",
            super::errno::in_words(errno as i32)
        )),
    }
}

fn groups_of(user: &User, gid: u32) -> Result<Vec<u32>, String> {
    let name = CString::new(user.name.as_str()).map_err(|error| error.to_string())?;
    let groups = getgrouplist(&name, Gid::from_raw(gid)).map_err(|errno| {
        let why = super::errno::in_words(errno as i32);
        format!("cannot look up the groups of {}: {why}", user.name)
    })?;
    Ok(groups.into_iter().map(Gid::as_raw).collect())
}

/// Whether a user has a number in our user namespace; who has none is shown as "nobody", and cannot
/// be given a file.
pub(crate) fn is_of_this_namespace(uid: u32) -> bool {
    std::fs::read_to_string("/proc/self/uid_map").map_or(true, |map| maps(&map, uid))
}

/// Reads `user_namespaces(7)`: each line has the first number inside, that outside, and how many.
fn maps(map: &str, uid: u32) -> bool {
    map.lines().any(|line| {
        let mut numbers = line.split_whitespace().map(str::parse::<u64>);
        match (numbers.next(), numbers.nth(1)) {
            (Some(Ok(first)), Some(Ok(count))) => (first..first + count).contains(&u64::from(uid)),
            (_, _) => false,
        }
    })
}

fn name(account: &Account) -> String {
    match account {
        Account::Id(id) => id.to_string(),
        Account::Name(name) => format!("{name:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(user: Option<Account>, group: Option<Account>) -> Identity {
        Identity {
            user,
            group,
            key: None,
        }
    }

    #[test]
    fn root_is_everywhere() {
        let root = resolve(&identity(Some(Account::Name("root".to_owned())), None)).unwrap();
        assert_eq!((root.uid, root.gid), (Some(0), Some(0)));
        assert!(root.groups.unwrap().contains(&0));
        assert_eq!(resolve(&identity(None, None)).unwrap().groups, None);
    }

    #[test]
    fn a_number_without_an_account_needs_a_group() {
        let nobody = Some(Account::Id(3_999_999_999));
        let error = resolve(&identity(nobody.clone(), None)).unwrap_err();
        assert!(error.contains("a group must be given"), "{error}");
        let resolved = resolve(&identity(nobody, Some(Account::Id(7)))).unwrap();
        assert_eq!(resolved.groups, Some(vec![7]));
    }

    #[test]
    fn the_numbers_of_a_namespace_are_known() {
        let map = "         0       1000          1\n     1  100000  65536\n";
        assert!(maps(map, 0) && maps(map, 65536) && !maps(map, 65537));
        assert!(maps("0 0 4294967295\n", 54321) && !maps("0 1000 1\n", 65534));
        assert!(!maps("", 0) && !maps("x y z\n", 0));
    }

    #[test]
    fn a_name_that_is_not_there_is_named() {
        let error = resolve(&identity(
            Some(Account::Name("no-such-user".to_owned())),
            None,
        ));
        assert_eq!(error.unwrap_err(), "there is no user \"no-such-user\"");
    }
}
