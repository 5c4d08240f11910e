package container

import (
	"strings"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Namespace is a container namespace.
type Namespace struct {
	Region      string `yaml:"region" plan:"place" doc:"Region; may be left out if the stack has just one."`
	Description string `yaml:"description" doc:"For people."`
	Env         Env    `yaml:"env" doc:"Variables of all its containers."`
}

// Env are environment variables.
type Env struct {
	Variables map[string]string           `yaml:"variables" doc:"Plain variables, as a map or a list of {name, value}."`
	Secrets   map[string]reconcile.Secret `yaml:"secrets" doc:"Secret variables, as a map or a list of {name, valueFrom}."`
}

// Container is a serverless container. The defaults are not the platform's,
// which are 2048 MB, 1000 mvCPU and at most 5 instances, but those of the
// manifests that this format comes from; all are sent, so that none is a surprise.
type Container struct {
	Region    string `yaml:"region" plan:"place" doc:"Region; may be left out if the stack has just one."`
	Namespace string `yaml:"namespace" plan:"-" doc:"Name of a namespace to share with others; its own, named like the container, if left out."`

	Image          string `yaml:"image" means:"image" check:"required,nonempty" doc:"Reference of the image, or {registryEndpoint, name, tag}."`
	RegistrySHA256 string `yaml:"registrySha256" doc:"Any text; a change deploys the container again, for a tag that has moved, say."`
	Deploy         bool   `yaml:"deploy" default:"true" plan:"-" doc:"Has no effect: the API always deploys."`

	Privacy     string   `yaml:"privacy" check:"required,enum=public|private" doc:"Who may call it: anybody, or holders of a token."`
	Port        int      `yaml:"port" default:"8080" check:"min=1,max=65535" doc:"Port on which it listens."`
	Protocol    string   `yaml:"protocol" default:"http1" check:"enum=http1|h2c" doc:"h2c is for gRPC."`
	HTTPOption  string   `yaml:"httpOption" default:"enabled" check:"enum=enabled|redirected" doc:"redirected sends plain HTTP to HTTPS."`
	Description string   `yaml:"description" doc:"For people."`
	Commands    []string `yaml:"commands" doc:"Takes the place of the image's ENTRYPOINT."`
	Args        []string `yaml:"args" doc:"Takes the place of the image's CMD."`
	Env         Env      `yaml:"env" doc:"Environment variables."`

	MemoryLimitMb       int           `yaml:"memoryLimitMb" default:"256" check:"min=128,max=12228" doc:"Memory in MB (10^6 bytes)."`
	CPULimit            int           `yaml:"cpuLimit" check:"max=6000" doc:"Thousandths of a vCPU; in proportion to the memory if left out or 0."`
	LocalStorageLimitMb int           `yaml:"localStorageLimitMb" default:"1000" check:"min=1,max=24000" doc:"Storage in MB, lost when an instance ends."`
	MinScale            int           `yaml:"minScale" default:"0" check:"min=0,max=50" doc:"Least instances; 0 lets it sleep."`
	MaxScale            int           `yaml:"maxScale" default:"20" check:"min=1,max=50" doc:"Most instances."`
	ScalingOption       ScalingOption `yaml:"scalingOption" doc:"When to add instances: exactly one threshold."`
	TimeoutSeconds      int           `yaml:"timeoutSeconds" default:"300" check:"min=10,max=3600" doc:"The longest that a request may take."`
	Sandbox             string        `yaml:"sandbox" default:"v2" check:"enum=v1|v2" doc:"Execution environment."`

	HealthCheck  *HealthCheck  `yaml:"healthCheck" doc:"The container is restarted if it fails. By TCP, 30 times every 10 s, if left out."`
	StartupProbe *StartupProbe `yaml:"startupProbe" doc:"Comes before the health check while the container starts. It cannot be taken away, only by a new container."`

	PrivateNetworkID string `yaml:"privateNetworkId" plan:"uses" doc:"ID of a Private Network that it can reach."`
	PrivateEndpoint  bool   `yaml:"privateEndpoint" default:"false" doc:"Lets Private Networks of the same VPC call it. Needs privateNetworkId."`
	PublicEndpoint   bool   `yaml:"publicEndpoint" default:"true" plan:"keep" doc:"Whether the default public host name answers."`

	CronTriggers []CronTrigger  `yaml:"cronTriggers" plan:"-" doc:"Calls by the clock."`
	Triggers     []EventTrigger `yaml:"triggers" plan:"-" doc:"Calls for messages of SQS or NATS."`
	Domains      []string       `yaml:"domains" plan:"-" check:"nonempty" doc:"Host names of one's own."`

	NamespaceID string `yaml:"namespaceId" plan:"hidden,replace,in" doc:"ID of its namespace."`
}

// ScalingOption is when instances are added. Exactly one is not 0.
type ScalingOption struct {
	ConcurrentRequestsThreshold int `yaml:"concurrentRequestsThreshold" doc:"Requests at once in one instance, up to 80."`
	CPUUsageThreshold           int `yaml:"cpuUsageThreshold" doc:"Percent; needs minScale 1."`
	MemoryUsageThreshold        int `yaml:"memoryUsageThreshold" doc:"Percent; needs minScale 1."`
}

// HealthCheck is the API's liveness probe.
type HealthCheck struct {
	Path             string `yaml:"path" doc:"Path of an HTTP GET."`
	TCP              bool   `yaml:"tcp" doc:"Only connect; so it is without a path."`
	FailureThreshold int    `yaml:"failureThreshold" default:"3" check:"min=1" doc:"Failures in a row until it counts as failed."`
	IntervalSeconds  int    `yaml:"intervalSeconds" default:"30" check:"min=1" doc:"From one check to the next."`
	TimeoutSeconds   int    `yaml:"timeoutSeconds" default:"1" check:"min=1" doc:"The longest that one check may take."`
}

// StartupProbe is like HealthCheck. The API can change one but not take it
// away: FailureThreshold, which every probe has, says so to the diff.
type StartupProbe struct {
	Path             string `yaml:"path" doc:"Path of an HTTP GET."`
	TCP              bool   `yaml:"tcp" doc:"Only connect; so it is without a path."`
	FailureThreshold int    `yaml:"failureThreshold" default:"30" plan:"replace-on-removal" check:"min=1" doc:"Failures in a row until it counts as failed."`
	IntervalSeconds  int    `yaml:"intervalSeconds" default:"10" check:"min=1" doc:"From one check to the next."`
	TimeoutSeconds   int    `yaml:"timeoutSeconds" default:"1" check:"min=1" doc:"The longest that one check may take."`
}

// CronTrigger is an entry of a container's cronTriggers.
type CronTrigger struct {
	Name       string            `yaml:"name" doc:"Made of the schedule and the body if left out."`
	Schedule   string            `yaml:"schedule" check:"required,nonempty" doc:"Five fields, as in crontab."`
	Timezone   string            `yaml:"timezone" doc:"Time zone of the schedule, such as Europe/Paris. The API requires one."`
	Args       string            `yaml:"args" doc:"JSON that is sent to the container."`
	Body       string            `yaml:"body" doc:"Text that is sent to the container, instead of args."`
	Headers    map[string]string `yaml:"headers" doc:"Headers of the request."`
	HTTPPath   string            `yaml:"httpPath" doc:"Path of the request."`
	HTTPMethod string            `yaml:"httpMethod" doc:"Method of the request."`
	About      string            `yaml:"description" doc:"For people."`
}

// EventTrigger is an entry of a container's triggers.
type EventTrigger struct {
	Name       string `yaml:"name" check:"required,nonempty" doc:"Name of the trigger."`
	SQS        *SQS   `yaml:"sqs" doc:"A queue of SQS."`
	NATS       *NATS  `yaml:"nats" doc:"A subject of NATS."`
	HTTPPath   string `yaml:"httpPath" doc:"Path of the request."`
	HTTPMethod string `yaml:"httpMethod" doc:"Method of the request."`
	About      string `yaml:"description" doc:"For people."`
}

// Default fills what depends on other fields.
func (c *Container) Default() {
	if c.CPULimit == 0 {
		c.CPULimit = cpuFor(c.MemoryLimitMb)
	}
	if c.HealthCheck == nil { // what the API has where nothing was sent, and what it goes back to
		c.HealthCheck = &HealthCheck{FailureThreshold: 30, IntervalSeconds: 10, TimeoutSeconds: 1}
	}
	c.HealthCheck.TCP = c.HealthCheck.TCP || c.HealthCheck.Path == ""
	if c.StartupProbe != nil {
		c.StartupProbe.TCP = c.StartupProbe.TCP || c.StartupProbe.Path == ""
	}
	if c.ScalingOption == (ScalingOption{}) {
		c.ScalingOption.ConcurrentRequestsThreshold = 50
	}
	if c.Region != "" {
		c.PrivateNetworkID = strings.TrimPrefix(c.PrivateNetworkID, c.Region+"/")
	}
}

// cpuOf are the pairs of memory and CPU that earlier versions of the API knew.
var cpuOf = map[int]int{128: 70, 256: 140, 512: 280, 1024: 560, 2048: 1120, 3072: 1680, 4096: 2240}

// cpuFor is the CPU in proportion to the memory: the known pair, or else along
// their line, 0.547 mvCPU a MB, rounded up and kept within the API's bounds.
func cpuFor(memoryMb int) int {
	if cpu, ok := cpuOf[memoryMb]; ok {
		return cpu
	}
	return min(max((memoryMb*547+999)/1000, leastCPU), 6000)
}
