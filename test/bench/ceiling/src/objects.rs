//! Objects as the API server writes them: pods of 10 kB, networks of 1.5 kB; the same in each run.

use bitcoin_controller::api::core::Pod;
use bitcoin_controller::api::{ObjectKey, ObjectMeta, OwnerReference};

const POD_BYTES: usize = 10_000;
const NETWORK_BYTES: usize = 1_500;
const N_NAMESPACES: u64 = 50;
/// The version of the first object; each has the next one.
const FIRST_VERSION: u64 = 1_000_000_001;

/// Pods `0..n` in their state number `round`, counted from 1.
pub fn pods(n: u64, round: u64) -> impl Iterator<Item = String> {
    (0..n).map(move |number| padded(&pod(number, version(n, number, round)), POD_BYTES))
}

/// Networks, likewise.
pub fn networks(n: u64, round: u64) -> impl Iterator<Item = String> {
    (0..n).map(move |number| padded(&network(number, version(n, number, round)), NETWORK_BYTES))
}

/// A list of all of `items`.
pub fn page(kind: &str, items: impl Iterator<Item = String>) -> String {
    let items: Vec<_> = items.collect();
    let version = FIRST_VERSION + items.len() as u64;
    let items = items.join(",");
    format!(
        r#"{{"kind":"{kind}List","apiVersion":"v1","metadata":{{"resourceVersion":"{version}"}},"items":[{items}]}}"#
    )
}

/// A line of a watch.
pub fn event(kind: &str, object: &str) -> String {
    format!(r#"{{"type":"{kind}","object":{object}}}"#)
}

/// The line that ends the initial events.
pub fn bookmark(kind: &str) -> String {
    event(
        "BOOKMARK",
        &format!(
            r#"{{"kind":"{kind}","metadata":{{"resourceVersion":"{FIRST_VERSION}","annotations":{{"k8s.io/initial-events-end":"true"}}}}}}"#
        ),
    )
}

/// Keys `0..n`, in 50 namespaces; texts are shared as a cache shares them.
pub fn keys(n: u64) -> Vec<ObjectKey> {
    (0..n)
        .map(|number| small_pod(number, 1).metadata)
        .map(|it| ObjectKey::new(it.namespace, it.name))
        .collect()
}

/// A pod as it is in a cache, made without reading it: what lies in one needs no text.
pub fn small_pod(number: u64, version: u64) -> Pod {
    let owner = OwnerReference {
        api_version: "apps/v1".into(),
        kind: "ReplicaSet".into(),
        name: format!("set-{}", number / 10).into(),
        uid: uid(number / 10, 2).into(),
        controller: true,
        block_owner_deletion: true,
    };
    Pod {
        metadata: ObjectMeta {
            name: format!("object-{number}").into(),
            namespace: format!("ns-{}", number % N_NAMESPACES).into(),
            uid: uid(number, 1).into(),
            resource_version: version.to_string().into(),
            owner_references: [owner].into(),
            ..ObjectMeta::default()
        },
        ..Pod::default()
    }
}

fn version(n: u64, number: u64, round: u64) -> u64 {
    FIRST_VERSION + (round - 1) * n + number
}

fn uid(number: u64, kind: u64) -> String {
    format!("{number:08x}-{kind:04x}-4333-8444-{:012x}", number * 7_919)
}

/// Where the text is made as long as it is to be: in what nobody reads.
const PAD: &str = "PAD";

fn padded(text: &str, bytes: usize) -> String {
    let missing = bytes.checked_sub(text.len() - PAD.len());
    let missing = missing.expect("an object without padding is smaller than it is to be");
    let mut random = Random(text.len() as u64);
    text.replacen(PAD, &random.text(missing), 1)
}

fn pod(number: u64, version: u64) -> String {
    let mut random = Random(number);
    let env: Vec<_> = (0..30)
        .map(|at| format!(r#"{{"name":"SETTING_{at}","value":"{}"}}"#, random.text(24)))
        .collect();
    let field = |at| format!(r#""f:field{at}":{{".":{{}},"f:name":{{}},"f:value":{{}}}}"#);
    let fields: Vec<_> = (0..30).map(field).collect();
    let condition = |kind| {
        format!(
            r#"{{"type":"{kind}","status":"True","observedGeneration":1,"lastProbeTime":null,"lastTransitionTime":"2026-01-01T00:00:00Z"}}"#
        )
    };
    let conditions = [
        "PodReadyToStartContainers",
        "Initialized",
        "Ready",
        "ContainersReady",
        "PodScheduled",
    ]
    .map(condition)
    .join(",");
    let (env, fields, hash) = (env.join(","), fields.join(","), random.text(10));
    let (set, namespace) = (number / 10, number % N_NAMESPACES);
    let (id, owner) = (uid(number, 1), uid(number / 10, 2));
    format!(
        r#"{{"kind":"Pod","apiVersion":"v1","metadata":{{"name":"object-{number}","generateName":"object-","namespace":"ns-{namespace}","uid":"{id}","resourceVersion":"{version}","generation":1,"creationTimestamp":"2026-01-01T00:00:00Z","labels":{{"app":"app-{set}","pod-template-hash":"{hash}"}},"annotations":{{"example.com/note":"{PAD}"}},"ownerReferences":[{{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"set-{set}","uid":"{owner}","controller":true,"blockOwnerDeletion":true}}],"managedFields":[{{"manager":"kube-controller-manager","operation":"Update","apiVersion":"v1","time":"2026-01-01T00:00:00Z","fieldsType":"FieldsV1","fieldsV1":{{{fields}}}}}]}},"spec":{{"volumes":[{{"name":"data","emptyDir":{{}}}},{{"name":"token","projected":{{"sources":[{{"serviceAccountToken":{{"expirationSeconds":3607,"path":"token"}}}}],"defaultMode":420}}}}],"containers":[{{"name":"main","image":"registry.example.com/team/main:1.2.3","ports":[{{"containerPort":8080,"protocol":"TCP"}}],"env":[{env}],"resources":{{"limits":{{"cpu":"1","memory":"512Mi"}},"requests":{{"cpu":"100m","memory":"128Mi"}}}},"volumeMounts":[{{"name":"data","mountPath":"/data"}},{{"name":"token","readOnly":true,"mountPath":"/var/run/secrets/kubernetes.io/serviceaccount"}}],"terminationMessagePath":"/dev/termination-log","imagePullPolicy":"IfNotPresent"}}],"restartPolicy":"Always","terminationGracePeriodSeconds":30,"dnsPolicy":"ClusterFirst","nodeName":"node-{node}","tolerations":[{{"key":"node.kubernetes.io/not-ready","operator":"Exists","effect":"NoExecute","tolerationSeconds":300}}],"priority":0}},"status":{{"phase":"Running","conditions":[{conditions}],"hostIP":"192.168.0.{node}","podIP":"10.0.{high}.{low}","podIPs":[{{"ip":"10.0.{high}.{low}"}}],"startTime":"2026-01-01T00:00:00Z","containerStatuses":[{{"name":"main","state":{{"running":{{"startedAt":"2026-01-01T00:00:02Z"}}}},"lastState":{{}},"ready":true,"restartCount":0,"image":"registry.example.com/team/main:1.2.3","imageID":"registry.example.com/team/main@sha256:{digest}","containerID":"containerd://{digest}","started":true}}],"qosClass":"Burstable"}}}}"#,
        node = number % 100,
        high = number / 256 % 256,
        low = number % 256,
        digest = random.text(64),
    )
}

fn network(number: u64, version: u64) -> String {
    let mut random = Random(number);
    let (namespace, id, tip) = (number % N_NAMESPACES, uid(number, 1), random.text(64));
    let node = |ordinal| {
        format!(
            r#"{{"ordinal":{ordinal},"ready":true,"ip":"10.1.{}.{ordinal}","nodeName":"object-{number}-sts-{ordinal}","dnsName":"object-{number}-sts-{ordinal}.object-{number}-svc"}}"#,
            number % 256
        )
    };
    let nodes = [0, 1].map(node).join(",");
    format!(
        r#"{{"apiVersion":"bitcoincontroller.christianb93.github.com/v1","kind":"BitcoinNetwork","metadata":{{"name":"object-{number}","namespace":"ns-{namespace}","uid":"{id}","resourceVersion":"{version}","generation":1,"creationTimestamp":"2026-01-01T00:00:00Z","labels":{{"app":"app-{app}"}},"annotations":{{"example.com/note":"{PAD}"}}}},"spec":{{"nodes":2}},"status":{{"observedGeneration":1,"replicas":2,"readyNodes":2,"selector":"app.kubernetes.io/instance=object-{number}","links":{{"wanted":1,"present":1}},"height":101,"tip":"{tip}","conditions":[{{"type":"Ready","status":"True","observedGeneration":1,"lastTransitionTime":"2026-01-01T00:00:00Z","reason":"AllWell","message":"all that is asked for holds"}}],"nodes":[{nodes}]}}}}"#,
        app = number / 10,
    )
}

/// Numbers that look random and are the same each time (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn text(&mut self, length: usize) -> String {
        let letters = b"abcdefghijklmnopqrstuvwxyz0123456789";
        let letter = |number: u64| char::from(letters[(number % letters.len() as u64) as usize]);
        (0..length).map(|_| letter(self.next())).collect()
    }
}
