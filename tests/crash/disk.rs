//! A disk on which everything that was not synced may be gone after a crash: data, renames, directory entries, in any subset.
use std::collections::{BTreeMap, BTreeSet};
use tandem::message::{Disk, DiskError};

#[derive(Clone, Debug, Default)]
struct Inode {
    durable: Vec<u8>,
    current: Vec<u8>,
}

/// A change of the directory that is not synced yet.
#[derive(Clone, Debug)]
enum Pending {
    Link(String, u32),
    Rename(String, String, u32),
    Unlink(String),
}

#[derive(Clone, Debug, Default)]
pub struct ModelDisk {
    inodes: BTreeMap<u32, Inode>,
    directory: BTreeMap<String, u32>,
    durable: BTreeMap<String, u32>,
    pending: Vec<Pending>,
    next: u32,
    /// What every change answers from now on.
    pub trouble: Option<DiskError>,
}

impl ModelDisk {
    /// Names and contents as a running system sees them.
    pub fn files(&self) -> Vec<(String, Vec<u8>)> {
        self.directory.iter().map(|(n, i)| (n.clone(), self.inodes[i].current.clone())).collect()
    }

    /// Names and contents that no crash can take away.
    pub fn durable_files(&self) -> Vec<(String, Vec<u8>)> {
        self.durable.iter().map(|(n, i)| (n.clone(), self.inodes[i].durable.clone())).collect()
    }

    fn dirty(&self) -> Vec<u32> {
        self.inodes.iter().filter(|(_, i)| i.durable != i.current).map(|(n, _)| *n).collect()
    }

    /// How many different disks a crash now can leave.
    pub fn outcomes(&self) -> usize {
        let halves = 1_usize << self.pending.len().min(6);
        halves * 3_usize.pow(u32::try_from(self.dirty().len().min(3)).unwrap())
    }

    /// The crash, with the `outcome`-th of the disks that it can leave.
    pub fn crash(&mut self, mut outcome: usize) {
        let mut directory = self.durable.clone();
        for change in &self.pending {
            let done = outcome % 2 == 1;
            outcome /= 2;
            if !done {
                continue;
            }
            match change {
                Pending::Link(name, inode) => {
                    directory.insert(name.clone(), *inode);
                }
                Pending::Rename(from, to, inode) => {
                    directory.remove(from);
                    directory.insert(to.clone(), *inode);
                }
                Pending::Unlink(name) => {
                    directory.remove(name);
                }
            }
        }
        for inode in self.dirty() {
            let inode = self.inodes.get_mut(&inode).unwrap();
            let half = inode.current.len() / 2;
            inode.durable = match outcome % 3 {
                0 => inode.durable.clone(),
                1 => inode.current[..half].to_vec(),
                _ => inode.current.clone(),
            };
            outcome /= 3;
            inode.current = inode.durable.clone();
        }
        self.pending.clear();
        self.directory = directory.clone();
        self.durable = directory;
        let used: BTreeSet<u32> = self.directory.values().copied().collect();
        self.inodes.retain(|n, _| used.contains(n));
        // What the shell does at start.
        self.directory.retain(|name, _| !name.ends_with(".tmp"));
        self.durable.retain(|name, _| !name.ends_with(".tmp"));
    }

    fn check(&self) -> Result<(), DiskError> {
        self.trouble.map_or(Ok(()), Err)
    }
}

impl Disk for ModelDisk {
    fn write(&mut self, name: &str, bytes: &[u8]) -> Result<(), DiskError> {
        self.check()?;
        self.next += 1;
        self.inodes.insert(self.next, Inode { durable: Vec::new(), current: bytes.to_vec() });
        self.directory.insert(name.to_owned(), self.next);
        self.pending.push(Pending::Link(name.to_owned(), self.next));
        Ok(())
    }

    fn sync(&mut self, name: &str) -> Result<(), DiskError> {
        self.check()?;
        let inode = self.directory[name];
        let inode = self.inodes.get_mut(&inode).unwrap();
        inode.durable = inode.current.clone();
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), DiskError> {
        self.check()?;
        let inode = self.directory.remove(from).unwrap();
        self.directory.insert(to.to_owned(), inode);
        self.pending.push(Pending::Rename(from.to_owned(), to.to_owned(), inode));
        Ok(())
    }

    fn remove(&mut self, name: &str) -> Result<(), DiskError> {
        self.check()?;
        if self.directory.remove(name).is_some() {
            self.pending.push(Pending::Unlink(name.to_owned()));
        }
        Ok(())
    }

    fn sync_dir(&mut self) -> Result<(), DiskError> {
        self.check()?;
        self.durable = self.directory.clone();
        self.pending.clear();
        Ok(())
    }
}
