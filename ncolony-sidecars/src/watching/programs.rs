//! The programs that a check is asked for, from their files.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::Path;

use ncolony_core::descriptor::FILE_BYTES_MAX;
use ncolony_core::files::{is_directory, list, read_trusted};
use ncolony_core::listing::{EntryKind, Fingerprint};
use ncolony_core::name::{FileRole, INSTANCES_MAX, config_role};
use ncolony_core::{Places, ProgramName};
use serde_json::{Map, Value};

use super::records::{Life, Records, Run};
use super::{Voice, flags};

/// What a check reads in a program file.
pub(crate) trait Asked: Clone + Debug + PartialEq {
    /// The key that it stands under.
    const KEY: &'static str;

    /// What stands there. `None`: this check is not asked for.
    ///
    /// # Errors
    /// It makes no sense, for a person.
    fn of_file(bytes: &[u8]) -> Result<Option<Self>, String>;
}

/// One program, or one instance, as a look has found it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Seen<A> {
    /// What its file asks for; or what is wrong with that.
    pub(crate) asked: Result<A, String>,
    /// Whether it runs.
    pub(crate) life: Life,
}

/// What stood in a program file when it was read last.
#[derive(Debug)]
struct Known<A> {
    /// `None`: it is to be read again in any case.
    fingerprint: Option<Fingerprint>,
    /// What is asked of the check, and the number of instances.
    asked: Found<A>,
}

impl<A> Known<A> {
    /// Where there are no records: it runs, and was started when its file was changed.
    fn life_without_record(&self) -> Life {
        self.fingerprint.map_or(Life::Rests, |fingerprint| {
            Life::Runs(Run::Unrecorded(fingerprint))
        })
    }
}

/// All program files and their records, read again only where they have changed.
#[derive(Debug)]
pub(crate) struct Programs<A> {
    files: BTreeMap<ProgramName, Known<A>>,
    records: Records,
}

impl<A: Asked> Programs<A> {
    /// No file has been read yet.
    pub(crate) fn new() -> Self {
        Self {
            files: BTreeMap::new(),
            records: Records::default(),
        }
    }

    /// Looks at files and records. `None`: the directory cannot be read, and nothing is known.
    pub(crate) fn look(
        &mut self,
        places: &Places,
        voice: &mut Voice,
    ) -> Option<BTreeMap<ProgramName, Seen<A>>> {
        self.read_files(&places.config, voice)?;
        let records = is_directory(&places.program_statuses());
        let mut all = BTreeMap::new();
        for (name, known) in &self.files {
            let Some((asked, instances)) = &known.asked else {
                continue;
            };
            let members: Vec<ProgramName> = if records && *instances > 1 {
                (0..*instances)
                    .map(|number| name.instance(number))
                    .collect()
            } else {
                vec![name.clone()]
            };
            for member in members {
                let life = if records {
                    self.records.life(places, &member, voice)
                } else {
                    known.life_without_record()
                };
                let asked = asked.clone();
                all.insert(member, Seen { asked, life });
            }
        }
        self.records.keep(|name| all.contains_key(name));
        Some(all)
    }

    /// Whether one program, or one instance, still lives as it did when all were looked at.
    pub(crate) fn life(&mut self, places: &Places, name: &ProgramName, voice: &mut Voice) -> Life {
        if is_directory(&places.program_statuses()) {
            self.records.life(places, name, voice)
        } else {
            let known = self.files.get(name);
            known.map_or(Life::Rests, Known::life_without_record)
        }
    }

    fn read_files(&mut self, config: &Path, voice: &mut Voice) -> Option<()> {
        let listing = match list(config) {
            Ok(listing) => listing,
            Err(error) => {
                voice.say("program files", &error.to_string());
                return None;
            }
        };
        voice.is_well("program files");
        let mut before = std::mem::take(&mut self.files);
        for entry in listing.entries {
            let (FileRole::Program(name), EntryKind::Regular(fingerprint)) =
                (config_role(&entry.file), entry.kind)
            else {
                continue;
            };
            let path = config.join(&entry.file);
            if let Some(known) = self.files.get_mut(&name) {
                let wrong = format!("{name} has two files; none of its checks is made");
                voice.say(&path.display().to_string(), &wrong);
                *known = Known {
                    fingerprint: None,
                    asked: None,
                };
                continue;
            }
            let known = match before.remove(&name) {
                Some(known) if known.fingerprint == Some(fingerprint) => known,
                Some(_) | None => read(&path, fingerprint, voice),
            };
            self.files.insert(name, known);
        }
        Some(())
    }
}

/// Reads what a program file asks of the check. One that cannot be read asks for nothing.
fn read<A: Asked>(path: &Path, fingerprint: Fingerprint, voice: &mut Voice) -> Known<A> {
    let subject = path.display().to_string();
    match asked(path) {
        Ok(asked) => {
            voice.is_well(&subject);
            Known {
                fingerprint: Some(fingerprint),
                asked,
            }
        }
        Err(wrong) => {
            let wrong = format!("{wrong}; nothing is checked until that is mended");
            voice.say(&subject, &wrong);
            Known {
                fingerprint: None,
                asked: None,
            }
        }
    }
}

/// What is asked of one check, and the number of instances.
type Found<A> = Option<(Result<A, String>, u32)>;

fn asked<A: Asked>(path: &Path) -> Result<Found<A>, String> {
    let bytes =
        read_trusted(path, FILE_BYTES_MAX, flags::trust()).map_err(|error| error.to_string())?;
    let keys: Map<String, Value> =
        serde_json::from_slice(&bytes).map_err(|error| format!("it is no JSON object: {error}"))?;
    if !keys.contains_key(A::KEY) {
        return Ok(None);
    }
    let instances = keys.get("instances").and_then(Value::as_u64);
    let instances = instances.and_then(|number| u32::try_from(number).ok());
    let instances = instances.unwrap_or(1).min(INSTANCES_MAX);
    let asked = A::of_file(&bytes).transpose();
    Ok(asked.map(|asked| (asked, instances)))
}

#[cfg(test)]
mod tests;
