package container

import (
	sdk "github.com/scaleway/scaleway-sdk-go/api/container/v1"
	"github.com/scaleway/scaleway-sdk-go/scw"

	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// spec is the reverse of createRequest: the API's fields in the manifest's names and units.
func (p containers) spec(c *sdk.Container, region, trigger string) Container {
	return Container{
		Region: region, NamespaceID: c.NamespaceID, RegistrySHA256: trigger,
		Image: c.Image, Privacy: string(c.Privacy), Port: int(c.Port), Protocol: string(c.Protocol),
		HTTPOption: httpOption(c.HTTPSConnectionsOnly), Description: c.Description, Commands: c.Command, Args: c.Args,
		Env:           p.env(c.EnvironmentVariables, c.SecretEnvironmentVariables),
		MemoryLimitMb: megabytes(c.MemoryLimitBytes), CPULimit: int(c.MvcpuLimit),
		LocalStorageLimitMb: megabytes(c.LocalStorageLimitBytes),
		MinScale:            int(c.MinScale), MaxScale: int(c.MaxScale), ScalingOption: scalingOption(c.ScalingOption),
		TimeoutSeconds: wholeSeconds(c.Timeout), Sandbox: string(c.Sandbox),
		HealthCheck: probe(c.LivenessProbe), StartupProbe: startupProbe(c.StartupProbe),
		PrivateNetworkID: text(c.PrivateNetworkID), PrivateEndpoint: text(c.PrivateEndpoint) != "",
		PublicEndpoint: c.DefaultPublicEndpointEnabled,
	}
}

// createRequest sends everything, so that the platform's defaults never matter.
func createRequest(want reconcile.Desired[Container]) *sdk.CreateContainerRequest {
	s := want.Spec
	tags := withTag(scaleway.Tags(want.Mark, want.Tags, nil), redeployTag, s.RegistrySHA256)
	req := &sdk.CreateContainerRequest{
		Region: scw.Region(want.Scope.Place), NamespaceID: s.NamespaceID, Name: want.Name, Tags: tags,
		Image: s.Image, Privacy: sdk.ContainerPrivacy(s.Privacy), Port: number(s.Port),
		Protocol: sdk.ContainerProtocol(s.Protocol), HTTPSConnectionsOnly: redirected(s.HTTPOption),
		Description: &s.Description, Command: list(s.Commands), Args: list(s.Args),
		EnvironmentVariables: filled(s.Env.Variables), SecretEnvironmentVariables: reveal(s.Env.Secrets),
		MemoryLimitBytes: size(s.MemoryLimitMb), MvcpuLimit: number(s.CPULimit),
		LocalStorageLimitBytes: size(s.LocalStorageLimitMb), MinScale: number(s.MinScale), MaxScale: number(s.MaxScale),
		ScalingOption: s.ScalingOption.request(), Timeout: seconds(s.TimeoutSeconds), Sandbox: sdk.ContainerSandbox(s.Sandbox),
		LivenessProbe:               s.HealthCheck.request(),
		EnableDefaultPublicEndpoint: &s.PublicEndpoint,
	}
	if s.StartupProbe != nil {
		req.StartupProbe = (*HealthCheck)(s.StartupProbe).request()
	}
	if s.PrivateNetworkID != "" {
		req.PrivateNetworkID, req.EnablePrivateEndpoint = &s.PrivateNetworkID, &s.PrivateEndpoint
	}
	return req
}

// fields are the fields of the manifest and how each gets into an update.
var fields = map[string]func(*Container, *sdk.UpdateContainerRequest){
	"image":       func(s *Container, r *sdk.UpdateContainerRequest) { r.Image = &s.Image },
	"privacy":     func(s *Container, r *sdk.UpdateContainerRequest) { r.Privacy = sdk.ContainerPrivacy(s.Privacy) },
	"port":        func(s *Container, r *sdk.UpdateContainerRequest) { r.Port = number(s.Port) },
	"protocol":    func(s *Container, r *sdk.UpdateContainerRequest) { r.Protocol = sdk.ContainerProtocol(s.Protocol) },
	"httpOption":  func(s *Container, r *sdk.UpdateContainerRequest) { r.HTTPSConnectionOnly = redirected(s.HTTPOption) },
	"description": func(s *Container, r *sdk.UpdateContainerRequest) { r.Description = &s.Description },
	"commands":    func(s *Container, r *sdk.UpdateContainerRequest) { v := list(s.Commands); r.Command = &v },
	"args":        func(s *Container, r *sdk.UpdateContainerRequest) { v := list(s.Args); r.Args = &v },
	"env.variables": func(s *Container, r *sdk.UpdateContainerRequest) {
		v := filled(s.Env.Variables)
		r.EnvironmentVariables = &v
	},
	"memoryLimitMb": func(s *Container, r *sdk.UpdateContainerRequest) { r.MemoryLimitBytes = size(s.MemoryLimitMb) },
	"cpuLimit":      func(s *Container, r *sdk.UpdateContainerRequest) { r.MvcpuLimit = number(s.CPULimit) },
	"localStorageLimitMb": func(s *Container, r *sdk.UpdateContainerRequest) {
		r.LocalStorageLimitBytes = size(s.LocalStorageLimitMb)
	},
	"minScale":         func(s *Container, r *sdk.UpdateContainerRequest) { r.MinScale = number(s.MinScale) },
	"maxScale":         func(s *Container, r *sdk.UpdateContainerRequest) { r.MaxScale = number(s.MaxScale) },
	"scalingOption":    func(s *Container, r *sdk.UpdateContainerRequest) { r.ScalingOption = s.ScalingOption.request() },
	"timeoutSeconds":   func(s *Container, r *sdk.UpdateContainerRequest) { r.Timeout = seconds(s.TimeoutSeconds) },
	"sandbox":          func(s *Container, r *sdk.UpdateContainerRequest) { r.Sandbox = sdk.ContainerSandbox(s.Sandbox) },
	"healthCheck":      func(s *Container, r *sdk.UpdateContainerRequest) { r.LivenessProbe = s.HealthCheck.request() },
	"startupProbe":     func(s *Container, r *sdk.UpdateContainerRequest) { r.StartupProbe = s.StartupProbe.update() },
	"privateNetworkId": func(s *Container, r *sdk.UpdateContainerRequest) { r.PrivateNetworkID = &s.PrivateNetworkID },
	"privateEndpoint":  func(s *Container, r *sdk.UpdateContainerRequest) { r.EnablePrivateEndpoint = &s.PrivateEndpoint },
	"publicEndpoint":   func(s *Container, r *sdk.UpdateContainerRequest) { r.EnableDefaultPublicEndpoint = &s.PublicEndpoint },
}

// updateRequest sends what differs, in one, and with it the tags whole: the mark
// of this revision, and others' tags as they are.
func updateRequest(have reconcile.Live[Container], want reconcile.Desired[Container]) *sdk.UpdateContainerRequest {
	tags := withTag(scaleway.Tags(want.Mark, want.Tags, have.Tags), redeployTag, want.Spec.RegistrySHA256)
	req := &sdk.UpdateContainerRequest{Region: scw.Region(have.Scope.Place), ContainerID: have.ID, Tags: &tags}
	for path, set := range fields {
		if want.Has(path) {
			set(&want.Spec, req)
		}
	}
	if want.Has("env.secrets") {
		req.SecretEnvironmentVariables = secretsPatch(want)
	}
	return req
}

func httpOption(secureOnly bool) string {
	if secureOnly {
		return "redirected"
	}
	return "enabled"
}

func redirected(option string) *bool { return scw.BoolPtr(option == "redirected") }

func scalingOption(o *sdk.ContainerScalingOption) ScalingOption {
	if o == nil {
		return ScalingOption{}
	}
	return ScalingOption{
		ConcurrentRequestsThreshold: integer(o.ConcurrentRequestsThreshold),
		CPUUsageThreshold:           integer(o.CPUUsageThreshold),
		MemoryUsageThreshold:        integer(o.MemoryUsageThreshold),
	}
}

// request names the one threshold that is set; sending it takes the others away.
func (o ScalingOption) request() *sdk.ContainerScalingOption {
	switch {
	case o.CPUUsageThreshold != 0:
		return &sdk.ContainerScalingOption{CPUUsageThreshold: number(o.CPUUsageThreshold)}
	case o.MemoryUsageThreshold != 0:
		return &sdk.ContainerScalingOption{MemoryUsageThreshold: number(o.MemoryUsageThreshold)}
	}
	return &sdk.ContainerScalingOption{ConcurrentRequestsThreshold: number(o.ConcurrentRequestsThreshold)}
}

func probe(p *sdk.ContainerProbe) *HealthCheck {
	if p == nil {
		return nil
	}
	check := &HealthCheck{
		FailureThreshold: int(p.FailureThreshold), IntervalSeconds: wholeSeconds(p.Interval), TimeoutSeconds: wholeSeconds(p.Timeout),
	}
	if p.HTTP != nil {
		check.Path = p.HTTP.Path
	}
	check.TCP = p.HTTP == nil
	return check
}

func startupProbe(p *sdk.ContainerProbe) *StartupProbe { return (*StartupProbe)(probe(p)) }

// request always sends the whole probe: the API requires all of its fields.
func (h *HealthCheck) request() *sdk.ContainerProbe {
	p := &sdk.ContainerProbe{
		FailureThreshold: uint32(h.FailureThreshold), Interval: seconds(h.IntervalSeconds), Timeout: seconds(h.TimeoutSeconds),
	}
	if h.Path != "" {
		p.HTTP = &sdk.ContainerProbeHTTPProbe{Path: h.Path}
	} else {
		p.TCP = &sdk.ContainerProbeTCPProbe{}
	}
	return p
}

// update is nil if there is no probe: one that is there cannot be taken away,
// so that the container is replaced instead.
func (s *StartupProbe) update() *sdk.UpdateContainerRequestProbe {
	if s == nil {
		return nil
	}
	p := &sdk.UpdateContainerRequestProbe{
		FailureThreshold: number(s.FailureThreshold), Interval: seconds(s.IntervalSeconds), Timeout: seconds(s.TimeoutSeconds),
	}
	if s.Path != "" {
		p.HTTP = &sdk.UpdateContainerRequestProbeHTTPProbe{Path: &s.Path}
	} else {
		p.TCP = &sdk.UpdateContainerRequestProbeTCPProbe{}
	}
	return p
}
