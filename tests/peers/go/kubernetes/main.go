// Asks the authenticator of kube-apiserver whose a token is. The flags are those of kube-apiserver, with its defaults;
// the token comes on the input. Prints the user as JSON.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"io"
	"log"
	"os"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apiserver/pkg/apis/apiserver"
	"k8s.io/apiserver/pkg/apis/apiserver/install"
	"k8s.io/apiserver/pkg/apis/apiserver/validation"
	"k8s.io/apiserver/pkg/authentication/cel"
	"k8s.io/apiserver/pkg/server/dynamiccertificates"
	"k8s.io/apiserver/plugin/pkg/authenticator/token/oidc"
)

var (
	issuer         = flag.String("oidc-issuer-url", "", "")
	clientID       = flag.String("oidc-client-id", "", "")
	usernameClaim  = flag.String("oidc-username-claim", "sub", "")
	usernamePrefix = flag.String("oidc-username-prefix", "", "")
	groupsClaim    = flag.String("oidc-groups-claim", "", "")
	groupsPrefix   = flag.String("oidc-groups-prefix", "", "")
	configuration  = flag.String("authentication-config", "", "")
	caFile         = flag.String("oidc-ca-file", "", "")
)

// The documented default of --oidc-username-prefix: names that are no e-mail addresses get the issuer before them.
func prefixOfUsernames() string {
	switch {
	case *usernamePrefix == "-":
		return ""
	case *usernamePrefix == "" && *usernameClaim != "email":
		return *issuer + "#"
	}
	return *usernamePrefix
}

// What the flags say, or the first issuer of a file as kube-apiserver reads one.
func chosen() (oidc.Options, error) {
	if *configuration != "" {
		return configured(*configuration)
	}
	ca, err := dynamiccertificates.NewDynamicCAContentFromFile("oidc-authenticator", *caFile)
	if err != nil {
		return oidc.Options{}, err
	}
	prefix := prefixOfUsernames()
	mappings := apiserver.ClaimMappings{
		Username: apiserver.PrefixedClaimOrExpression{Claim: *usernameClaim, Prefix: &prefix},
	}
	if *groupsClaim != "" {
		mappings.Groups = apiserver.PrefixedClaimOrExpression{Claim: *groupsClaim, Prefix: groupsPrefix}
	}
	return oidc.Options{
		CAContentProvider: ca,
		JWTAuthenticator: apiserver.JWTAuthenticator{
			Issuer:        apiserver.Issuer{URL: *issuer, Audiences: []string{*clientID}},
			ClaimMappings: mappings,
		},
	}, nil
}

func configured(path string) (oidc.Options, error) {
	scheme := runtime.NewScheme()
	install.Install(scheme)
	text, err := os.ReadFile(path)
	if err != nil {
		return oidc.Options{}, err
	}
	read := &apiserver.AuthenticationConfiguration{}
	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDecoder()
	if err := runtime.DecodeInto(decoder, text, read); err != nil {
		return oidc.Options{}, err
	}
	if problems := validation.ValidateAuthenticationConfiguration(cel.NewDefaultCompiler(), read, nil); len(problems) > 0 {
		return oidc.Options{}, problems.ToAggregate()
	}
	first := read.JWT[0]
	ca, err := dynamiccertificates.NewStaticCAContent("oidc-authenticator", []byte(first.Issuer.CertificateAuthority))
	return oidc.Options{CAContentProvider: ca, JWTAuthenticator: first}, err
}

func main() {
	log.SetFlags(0)
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	options, err := chosen()
	if err != nil {
		log.Fatal(err)
	}
	authenticator, err := oidc.New(ctx, options)
	if err != nil {
		log.Fatal(err)
	}
	for authenticator.HealthCheck() != nil {
		if ctx.Err() != nil {
			log.Fatal(authenticator.HealthCheck())
		}
		time.Sleep(10 * time.Millisecond)
	}

	token, err := io.ReadAll(os.Stdin)
	if err != nil {
		log.Fatal(err)
	}
	answer, ok, err := authenticator.AuthenticateToken(ctx, strings.TrimSpace(string(token)))
	if err != nil || !ok {
		log.Fatal("refused: ", err)
	}
	user := answer.User
	err = json.NewEncoder(os.Stdout).Encode(map[string]any{"name": user.GetName(), "groups": user.GetGroups()})
	if err != nil {
		log.Fatal(err)
	}
}
