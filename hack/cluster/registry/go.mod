// A registry that keeps images and charts in memory, for what is pushed in a test. hack/peers.sh builds it.
module bitcoin-controller/hack/cluster/registry

go 1.26.0

tool github.com/google/go-containerregistry/cmd/registry

require github.com/google/go-containerregistry v0.22.1 // indirect
