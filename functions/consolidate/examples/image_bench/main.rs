//! The images of `make bench-images`: makes a table in a folder, and measures what its next image costs.
//!
//! A state of the tables is a file in the folder that names their metadata files; a command goes from one to another, and
//! since nothing is ever deleted, any state can be gone on from again.
//!
//! ```text
//! image_bench FOLDER make ROWS STATE                      a history of that many entities, and its image
//! image_bench FOLDER known|new COUNT ROUND FROM STATE     messages for so many known or new entities, in the history only
//! image_bench FOLDER image FROM STATE                     the next image; prints what it cost, as JSON
//! image_bench FOLDER compact FROM STATE                   the same of a compaction, or `null` as long as there is none
//! ```
#![allow(clippy::print_stdout)]
// As the function itself has it.
#![recursion_limit = "256"]

mod counted;
mod rows;
mod usage;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use consolidate::image::ImageMaker;
use foz_domain::maintenance::DebtBounds;
use foz_domain::{Range, Sequence};
use foz_edge::clock;
use foz_engine::{CompiledStream, Limits};
use foz_lake::register::{MemoryRegister, Register};
use foz_lake::{Files, TableCommit, Tables};
use foz_pipeline::{Definition, Stream};
use iceberg::io::FileIO;
use iceberg::spec::TableMetadata;
use serde::{Deserialize, Serialize};
use serde_json::json;

use counted::Counts;
use rows::{BATCH, DEFINITION, Entities};
use usage::Stretch;

/// What merging may use: what the function has if nothing else is set.
const MEMORY: usize = 512 << 20;

/// Where the tables are.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct State {
    /// Entities that the table began with.
    rows: u64,
    /// The next batch's sequence.
    next: u64,
    /// Each table's current metadata file.
    tables: BTreeMap<String, String>,
    /// The files of the history's last messages, which other engines merge too.
    changes: Vec<String>,
}

/// The lake in a folder, as of a state.
struct Bench {
    lake: Tables,
    counts: Arc<Counts>,
    stream: Stream,
    state: State,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [folder, command @ ..] = arguments.as_slice() else { bail!("usage: see the head of the program") };
    let folder = std::path::absolute(folder)?;
    match command {
        ["make", rows, to] => {
            let mut bench = Bench::open(&folder, State { rows: rows.parse()?, ..State::default() }).await?;
            bench.publish(&Entities::all(bench.state.rows)).await?;
            bench.image(to).await?;
            bench.keep(&folder, to).await
        }
        [kind @ ("known" | "new"), count, round, from, to] => {
            let mut bench = Bench::open(&folder, State::read(&folder, from)?).await?;
            let (rows, count, round) = (bench.state.rows, count.parse()?, round.parse()?);
            let some = if *kind == "known" { Entities::known } else { Entities::new };
            bench.publish(&some(rows, count, round)).await?;
            bench.keep(&folder, to).await
        }
        ["image", from, to] => {
            let bench = Bench::open(&folder, State::read(&folder, from)?).await?;
            println!("{}", bench.image(to).await?);
            bench.keep(&folder, to).await
        }
        ["compact", _, _] => {
            println!("null");
            Ok(())
        }
        _ => bail!("usage: see the head of the program"),
    }
}

impl State {
    fn read(folder: &Path, name: &str) -> anyhow::Result<Self> {
        let path = file(folder, name);
        let text = std::fs::read(&path).with_context(|| format!("no state {}", path.display()))?;
        Ok(serde_json::from_slice(&text)?)
    }
}

fn file(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.json"))
}

impl Bench {
    async fn open(folder: &Path, state: State) -> anyhow::Result<Self> {
        let (io, counts) = counted::local();
        let register = MemoryRegister::default();
        for (table, location) in &state.tables {
            register.create(table, location, &metadata(&io, location).await?).await?;
        }
        let definition = Definition::stored(DEFINITION)?;
        let stream = definition.streams.into_values().next().context("a stream")?;
        let lake = Tables::new(Arc::new(register), io, format!("file://{}", folder.display()));
        Ok(Self { lake, counts, stream, state })
    }

    /// Puts a message for each of these entities into the history, as a run does.
    async fn publish(&mut self, entities: &Entities) -> anyhow::Result<()> {
        let table = self.lake.ensure(&plan(&self.stream)?.changes_table()).await?;
        let mut writer = self.lake.writer(&table, &format!("staged/{}/", self.state.next)).await?;
        for batch in entities.history(&table.schema()?, self.state.next) {
            writer.write(&batch?).await?;
        }
        let end = self.state.next + entities.count().div_ceil(BATCH);
        let range = Range::new(Sequence(self.state.next), Sequence(end)).context("nothing to publish")?;
        let files = writer.close().await?;
        self.state.changes = files.iter().map(|file| file.file_path().to_owned()).collect();
        let rule = table.declared().clone();
        let change =
            TableCommit { run: format!("run {range:?}"), range: Some(range), files: Files::Append(files), rule };
        self.lake.commit(table.name(), &change, clock::now()).await?;
        self.state.next = end;
        Ok(())
    }

    /// Makes the next image, and says what it cost.
    async fn image(&self, execution: &str) -> anyhow::Result<serde_json::Value> {
        let maker = ImageMaker {
            lake: &self.lake,
            execution: execution.to_owned(),
            through: Sequence(self.state.next),
            written: BTreeMap::new(),
            limits: Limits { memory: MEMORY, spill_to: None },
            bounds: DebtBounds::default(),
        };
        self.counts.take();
        let stretch = Stretch::begin()?;
        let image = maker.image(&self.stream, clock::now()).await?;
        let (used, count) = (stretch.end()?, self.counts.take());
        Ok(json!({ "used": used, "count": count, "rows": image.rows }))
    }

    /// Writes down where the tables are now.
    async fn keep(&self, folder: &Path, name: &str) -> anyhow::Result<()> {
        let mut state = self.state.clone();
        for table in [self.stream.name.to_string(), self.stream.name.changes().to_string()] {
            if let Some(found) = self.lake.find(&table).await? {
                state.tables.insert(table, found.metadata_location().to_owned());
            }
        }
        Ok(std::fs::write(file(folder, name), serde_json::to_vec_pretty(&state)?)?)
    }
}

async fn metadata(io: &FileIO, location: &str) -> anyhow::Result<TableMetadata> {
    TableMetadata::read_from(io, location).await.with_context(|| location.to_owned())
}

fn plan(stream: &Stream) -> anyhow::Result<CompiledStream> {
    CompiledStream::new(stream).map_err(|problems| anyhow::anyhow!("{problems:?}"))
}
