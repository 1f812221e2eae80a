// Copyright (c) 2026 NileCare platform team
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

// Command cert-manager runs cert-manager's own controllers for Issuers of type CA and their Certificates, in
// the namespaces that it is given and in no other: it needs no right on any Secret elsewhere.
package main

import (
	"context"
	"errors"
	"flag"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/klog/v2"

	"github.com/cert-manager/cert-manager/pkg/controller"
	// Each of these registers itself.
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/approver"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/ca"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/issuing"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/keymanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/readiness"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/requestmanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/revisionmanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/trigger"
	_ "github.com/cert-manager/cert-manager/pkg/controller/issuers"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/ca"
)

func main() {
	kubeconfig := flag.String("kubeconfig", "", "file to reach the cluster with; default: the pod's account")
	namespaces := flag.String("namespaces", "", "namespaces whose certificates are kept, with commas")
	home := flag.String("home", "cert-manager", "namespace of the lease by which one of several works")
	listen := flag.String("listen", ":8081", "address that answers /livez and /readyz")
	klog.InitFlags(nil)
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, stop, *kubeconfig, strings.Split(*namespaces, ","), *home, *listen); err != nil {
		klog.ErrorS(err, "cert-manager ends")
		klog.Flush()
		os.Exit(1)
	}
}

// run takes part in the election until the context ends, and works while it is elected.
func run(ctx context.Context, stop func(), kubeconfig string, namespaces []string, home, listen string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	health := leaderelection.NewLeaderHealthzAdaptor(20 * time.Second)
	go serve(listen, health, stop)
	election, err := elect(config, home, health, func(ctx context.Context) {
		if err := keep(ctx, kubeconfig, namespaces); err != nil {
			klog.ErrorS(err, "The controllers have ended")
		}
		stop()
	})
	if err != nil {
		return err
	}
	election.Run(ctx)
	if ctx.Err() == nil {
		return errors.New("the lease was lost")
	}
	return nil
}

func elect(
	config *rest.Config, home string, health *leaderelection.HealthzAdaptor, work func(context.Context),
) (*leaderelection.LeaderElector, error) {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	identity, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	return leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Name: "cert-manager-controller",
		Lock: &resourcelock.LeaseLock{
			LeaseMeta:  metav1.ObjectMeta{Name: "cert-manager-controller", Namespace: home},
			Client:     client.CoordinationV1(),
			LockConfig: resourcelock.ResourceLockConfig{Identity: identity},
		},
		LeaseDuration:   60 * time.Second,
		RenewDeadline:   40 * time.Second,
		RetryPeriod:     10 * time.Second,
		ReleaseOnCancel: true,
		WatchDog:        health,
		Callbacks:       leaderelection.LeaderCallbacks{OnStartedLeading: work, OnStoppedLeading: func() {}},
	})
}

// keep runs all registered controllers once for each namespace until the context ends.
func keep(ctx context.Context, kubeconfig string, namespaces []string) error {
	var running sync.WaitGroup
	ctx, cancel := context.WithCancel(ctx)
	defer running.Wait()
	defer cancel()
	failed := make(chan error, len(namespaces)*len(controller.Known()))
	for _, namespace := range namespaces {
		factory, err := controller.NewContextFactory(ctx, controller.ContextOptions{
			Kubeconfig:         kubeconfig,
			Namespace:          namespace,
			KubernetesAPIQPS:   20,
			KubernetesAPIBurst: 50,
			CertificateOptions: controller.CertificateOptions{
				CertificateRequestMinimumBackoffDuration: 5 * time.Minute,
				CertificateRequestMaximumBackoffDuration: 6 * time.Hour,
			},
		})
		if err != nil {
			return err
		}
		for name, construct := range controller.Known() {
			one, err := construct(factory)
			if err != nil {
				return err
			}
			running.Go(func() {
				if err := one.Run(1, ctx); err != nil {
					klog.ErrorS(err, "A controller has ended", "controller", name, "namespace", namespace)
					failed <- err
				}
			})
		}
		shared, err := factory.Build()
		if err != nil {
			return err
		}
		shared.SharedInformerFactory.Start(ctx.Done())
		shared.KubeSharedInformerFactory.Start(ctx.Done())
		klog.InfoS("Keeping certificates", "namespace", namespace)
	}
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return nil
	}
}

// serve answers the kubelet's probes: alive while the lease that it holds is renewed.
func serve(listen string, health *leaderelection.HealthzAdaptor, stop func()) {
	mux := http.NewServeMux()
	mux.HandleFunc("/readyz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/livez", func(answer http.ResponseWriter, request *http.Request) {
		if err := health.Check(request); err != nil {
			http.Error(answer, err.Error(), http.StatusInternalServerError)
		}
	})
	server := http.Server{Addr: listen, Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	klog.ErrorS(server.ListenAndServe(), "The probes are not answered")
	stop()
}
