// Cluster DNS: CoreDNS with the three of its plugins that a test cluster needs. With all of them, every cloud
// provider's client would be compiled. hack/cluster/build.sh builds it.
package main

import (
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"

	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/kubernetes"
)

func main() {
	// In this order they are asked.
	dnsserver.Directives = []string{"bind", "errors", "kubernetes"}
	coremain.Run()
}
