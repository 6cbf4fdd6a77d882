//! Goal: the Dockerfiles, which only Docker can run, agree with the rest of the repository.

use bitcoin_controller::controller::desired::DEFAULT_IMAGE;

use crate::tidy::sources::read;

fn dockerfile(name: &str) -> Vec<Vec<String>> {
    let text = read(&format!("build/{name}/Dockerfile")).replace("\\\n", " ");
    let instructions = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect();
    instructions.map(words).collect()
}

/// What follows the last `instruction`.
fn last(name: &str, instruction: &str) -> String {
    let lines = dockerfile(name);
    let mut found = lines.iter().rev().filter(|words| words[0] == instruction);
    found.next().unwrap()[1..].join(" ")
}

#[test]
fn the_controllers_image_has_the_controller_in_it_and_nothing_else() {
    assert_eq!(last("controller", "FROM"), "scratch");
    let lines = dockerfile("controller");
    let begin = lines.iter().rposition(|words| words[0] == "FROM").unwrap();
    let copies = lines[begin..].iter().filter(|words| words[0] == "COPY");
    assert_eq!(copies.count(), 1);
    assert_eq!(
        last("controller", "ENTRYPOINT"),
        "[\"/bitcoin-controller\"]"
    );
}

#[test]
fn nobody_is_root_and_kubernetes_can_tell() {
    for name in ["controller", "bitcoind"] {
        let user = last(name, "USER");
        let ids: Vec<u32> = user.split(':').map(|id| id.parse().unwrap()).collect();
        assert!(ids.len() == 2 && !ids.contains(&0), "{name}: {user}");
    }
}

#[test]
fn what_images_begin_with_has_a_version() {
    for name in ["controller", "bitcoind"] {
        for line in dockerfile(name).iter().filter(|words| words[0] == "FROM") {
            let is_fixed = line[1] == "scratch" || line[1].contains(':');
            assert!(is_fixed && !line[1].ends_with(":latest"), "{line:?}");
        }
    }
    let rust = env!("CARGO_PKG_RUST_VERSION");
    let first = &dockerfile("controller")[0][1];
    assert!(first.contains(&format!("/rust:{rust}-")), "{first}");
}

#[test]
fn networks_get_the_bitcoin_that_the_image_has() {
    let lines = dockerfile("bitcoind");
    let argument = |name: &str| {
        let mut arguments = lines.iter().filter(|words| words[0] == "ARG");
        arguments.find_map(|words| words[1].strip_prefix(name)?.strip_prefix('='))
    };
    let (_, version) = DEFAULT_IMAGE.split_once(':').unwrap();
    assert_eq!(argument("VERSION"), Some(version));
    for sum in ["SHA256_X86_64", "SHA256_AARCH64"] {
        let sum = argument(sum).unwrap();
        let is_hexadecimal = sum.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(sum.len() == 64 && is_hexadecimal, "{sum}");
    }
}

#[test]
fn the_controllers_version_is_that_of_the_manifests() {
    let image = format!("bitcoin-controller:{}", env!("CARGO_PKG_VERSION"));
    for file in [
        "manifests/controller.yaml",
        "build/controller/Dockerfile",
        "hack/cluster/images.sh",
    ] {
        assert!(read(file).contains(&image), "{file} knows no {image}");
    }
}
