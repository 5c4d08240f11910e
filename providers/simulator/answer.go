package simulator

import (
	"bytes"
	"net/http"
	"strconv"
)

// An answer is what a request gets.
type answer struct {
	status      int
	contentType string // "" is none
	header      map[string]string
	body        []byte
	id          string // of the resource that was made, for the log
}

// reply answers with JSON.
func reply(status int, v any) answer {
	return rawReply(status, encode(v))
}

func rawReply(status int, body []byte) answer {
	return answer{status: status, contentType: "application/json", body: body}
}

func noContent() answer { return answer{status: http.StatusNoContent} }

func notFound(resource, id string) answer {
	return reply(http.StatusNotFound, doc{
		"message": "resource is not found", "resource": resource, "resource_id": id, "type": "not_found",
	})
}

func noRoute() answer {
	return reply(http.StatusNotFound, doc{"message": "Not Found"})
}

func invalid(bad ...argument) answer {
	return reply(http.StatusBadRequest, doc{
		"details": bad, "message": "invalid argument(s)", "type": "invalid_arguments",
	})
}

func transient(resource, id, status string) answer {
	return reply(http.StatusConflict, doc{
		"current_state": status, "message": "resource is in a transient state",
		"resource": resource, "resource_id": id, "type": "transient_state",
	})
}

func denied(reason string) answer {
	return reply(http.StatusUnauthorized, doc{
		"message": "authentication is denied", "method": "api_key", "reason": reason, "type": "denied_authentication",
	})
}

func forbidden(action, resource string) answer {
	return reply(http.StatusForbidden, doc{
		"details": []doc{{"action": action, "resource": resource}},
		"message": "insufficient permissions", "type": "permissions_denied",
	})
}

func unmet(precondition, help string) answer {
	return reply(http.StatusPreconditionFailed, doc{
		"help_message": help, "message": "precondition is not respected",
		"precondition": precondition, "type": "precondition_failed",
	})
}

func quotaExceeded(resource string, most, used int) answer {
	return reply(http.StatusForbidden, doc{
		"details": []doc{{"resource": resource, "quota": most, "current": used}},
		"message": "quota(s) exceeded for this resource", "type": "quotas_exceeded",
	})
}

func outOfStock(resource string) answer {
	return reply(http.StatusForbidden, doc{
		"message": "resource is out of stock", "resource": resource, "type": "out_of_stock",
	})
}

// rateLimited is what the gateway answers: no body, and no type of it.
func rateLimited() answer {
	return answer{status: http.StatusTooManyRequests, header: map[string]string{"X-Envoy-Ratelimited": "true"}}
}

// page joins the JSON of resources into a listing.
func page(list string, items [][]byte, total int) answer {
	var b bytes.Buffer
	b.WriteString(`{"` + list + `":[`)
	for i, item := range items {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(item)
	}
	b.WriteString(`],"total_count":` + strconv.Itoa(total) + `}`)
	return rawReply(http.StatusOK, b.Bytes())
}
