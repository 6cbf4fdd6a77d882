//! What is told of an object in its truth, and what is told again in other places of it.

use crate::options::Options;
use crate::random::Random;
use crate::shapes::Shape;

/// The values that are chosen before an object is rendered.
pub struct Identity {
    pub is_probe: bool,
    pub name: String,
    /// Empty for nodes.
    pub namespace: String,
    pub uid: String,
    /// Of the controller owner; ten objects in a row have the same.
    pub owner: String,
    pub owner_name: String,
    /// The label.
    pub app: String,
    pub phase: &'static str,
    pub ip: String,
    /// `spec.nodes` of a network, in decimal.
    pub nodes: String,
    /// Of the conditions of a node.
    pub statuses: [&'static str; CONDITIONS.len()],
}

/// The conditions of a node.
pub const CONDITIONS: [&str; 5] = [
    "NetworkUnavailable",
    "MemoryPressure",
    "DiskPressure",
    "PIDPressure",
    "Ready",
];

/// How many objects a controller owns.
const GROUP: u64 = 10;

const N_NAMESPACES: u64 = 50;

/// Streams of random numbers, apart from those of the objects.
const OWNERS: u64 = 1 << 62;
const IDENTITIES: u64 = 1 << 63;

impl Identity {
    pub fn new(options: &Options, number: u64) -> Self {
        let mut random = Random::new(options.seed, IDENTITIES | number);
        let mut of_group = Random::new(options.seed, OWNERS | (number / GROUP));
        let is_probe = number < options.n_probes;
        let kind_of_name = if is_probe { "probe" } else { "object" };
        let namespace = match options.shape {
            Shape::Node => String::new(),
            Shape::Pod | Shape::Network => format!("ns-{}", number % N_NAMESPACES),
        };
        let phase = match random.below(20) {
            0 => "Pending",
            1 => "Succeeded",
            _ => "Running",
        };
        Identity {
            is_probe,
            name: format!("{kind_of_name}-{number}"),
            namespace,
            uid: uid(&mut random),
            owner: uid(&mut of_group),
            owner_name: format!("owner-{}", number / GROUP),
            app: format!("app-{}", random.below(100)),
            phase,
            ip: format!(
                "10.{}.{}.{}",
                (number >> 16) & 255,
                (number >> 8) & 255,
                number & 255
            ),
            nodes: (1 + random.below(9)).to_string(),
            statuses: std::array::from_fn(|_| ["False", "True"][random.below(2) as usize]),
        }
    }

    /// The value that `<name>` in a template stands for.
    pub fn value(&self, field: Field) -> &str {
        match field {
            Field::Name => &self.name,
            Field::Namespace => &self.namespace,
            Field::Uid => &self.uid,
            Field::Owner => &self.owner,
            Field::OwnerName => &self.owner_name,
            Field::App => &self.app,
            Field::Phase => self.phase,
            Field::Ip => &self.ip,
            Field::Nodes => &self.nodes,
            Field::Status(condition) => self.statuses[condition],
        }
    }
}

/// A field of an [`Identity`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    Name,
    Namespace,
    Uid,
    Owner,
    OwnerName,
    App,
    Phase,
    Ip,
    Nodes,
    Status(usize),
}

/// A random UUID as servers make them.
fn uid(random: &mut Random) -> String {
    let (high, low) = (random.next(), random.next());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xFFFF,
        high & 0xFFF,
        0x8000 | ((low >> 48) & 0x3FFF),
        low & 0xFFFF_FFFF_FFFF,
    )
}
