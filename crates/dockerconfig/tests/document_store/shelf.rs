//! An in-memory document store as a third party would write it. Its versions are numbers.

use std::{collections::BTreeMap, sync::Mutex};

use regcred_core::{
    Address, Error, ErrorKind, ExposeSecret, Result, SecretBytes, async_trait,
    document::{Document, DocumentStore},
};

/// Documents in memory, each with the number of its latest write.
#[derive(Debug, Default)]
pub(crate) struct Shelf(Mutex<(u64, Documents)>);

type Documents = BTreeMap<Address, (u64, SecretBytes)>;

impl Shelf {
    fn change(&self, address: &Address, content: Option<SecretBytes>, expected: Option<u64>) -> Result<()> {
        let (writes, documents) = &mut *self.0.lock().expect("no call panics");
        if documents.get(address).map(|(version, _)| *version) != expected {
            let error = Error::new(ErrorKind::Conflict, format!("cannot write {address}"));
            return Err(error.with_cause("another writer changed it"));
        }
        *writes += 1;
        documents.remove(address);
        documents.extend(content.map(|content| (address.clone(), (*writes, content))));
        Ok(())
    }
}

#[async_trait]
impl DocumentStore for Shelf {
    type Version = u64;

    async fn load(&self, address: &Address) -> Result<Option<Document<u64>>> {
        let (_, documents) = &*self.0.lock().expect("no call panics");
        Ok(documents.get(address).map(|(version, content)| Document::new(content.expose_secret(), *version)))
    }

    async fn store(&self, address: &Address, content: SecretBytes, expected: Option<&u64>) -> Result<()> {
        self.change(address, Some(content), expected.copied())
    }

    async fn delete(&self, address: &Address, expected: &u64) -> Result<()> {
        self.change(address, None, Some(*expected))
    }
}
