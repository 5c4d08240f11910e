package container

import "gitlab.com/reconciled/reconciled/reconcile"

// Trigger calls a container. It has exactly one source: a schedule, SQS or NATS.
type Trigger struct {
	Region      string            `yaml:"region" plan:"place" doc:"Region of the container."`
	Description string            `yaml:"description" doc:"For people."`
	Source      string            `yaml:"source" plan:"hidden,replace" doc:"cron, sqs or nats."`
	Schedule    string            `yaml:"schedule" doc:"Five fields, as in crontab."`
	Timezone    string            `yaml:"timezone" doc:"Time zone of the schedule."`
	Body        string            `yaml:"body" doc:"What is sent to the container."`
	Headers     map[string]string `yaml:"headers" doc:"Headers of the request."`
	SQS         *SQS              `yaml:"sqs" doc:"A queue of SQS."`
	NATS        *NATS             `yaml:"nats" doc:"A subject of NATS."`
	HTTPPath    string            `yaml:"httpPath" default:"/" check:"prefix=/" doc:"Path of the request."`
	HTTPMethod  string            `yaml:"httpMethod" default:"post" check:"enum=get|post|put|patch|delete" doc:"Method of the request."`
	ContainerID string            `yaml:"containerId" plan:"hidden,replace,in" doc:"ID of the container."`
}

// SQS is a queue whose messages are sent to the container.
type SQS struct {
	QueueURL        string           `yaml:"queueUrl" check:"required,nonempty" doc:"URL of the queue."`
	Region          string           `yaml:"region" doc:"Region of the queue; the container's if left out."`
	Endpoint        string           `yaml:"endpoint" doc:"URL of SQS; Scaleway's in the region if left out."`
	AccessKeyID     string           `yaml:"accessKeyId" check:"required,nonempty" doc:"Access key for the queue."`
	SecretAccessKey reconcile.Secret `yaml:"secretAccessKey" check:"required" doc:"Secret key for the queue."`
}

// NATS is a subject whose messages are sent to the container.
type NATS struct {
	ServerURLs  []string         `yaml:"serverUrls" plan:"set" check:"required,nonempty" doc:"URLs of the servers."`
	Subject     string           `yaml:"subject" check:"required,nonempty" doc:"The subject."`
	Credentials reconcile.Secret `yaml:"credentials" check:"required" doc:"Content of a credentials file."`
}

// Default names the source, and fills in Scaleway's own SQS.
func (t *Trigger) Default() {
	switch {
	case t.SQS != nil:
		t.Source = string(sourceSQS)
		if t.SQS.Region == "" {
			t.SQS.Region = t.Region
		}
		if t.SQS.Endpoint == "" && t.SQS.Region != "" {
			t.SQS.Endpoint = "https://sqs.mnq." + t.SQS.Region + ".scaleway.com"
		}
	case t.NATS != nil:
		t.Source = string(sourceNATS)
	default:
		t.Source = string(sourceCron)
	}
}

// Domain is a host name of a container.
type Domain struct {
	Region      string `yaml:"region" plan:"place" doc:"Region of the container."`
	Hostname    string `yaml:"hostname" plan:"replace" check:"required,nonempty" doc:"The host name."`
	ContainerID string `yaml:"containerId" plan:"hidden,replace,in" doc:"ID of the container."`
}
