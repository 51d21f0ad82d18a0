package traffic

import (
	"bufio"
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"time"

	"cdk8s-lanes/mesh-runner/internal/contract"
	"cdk8s-lanes/mesh-runner/internal/plan"
)

// rawBytes are the bytes of a raw request, nil if it is none.
func rawBytes(r contract.Request) ([]byte, error) {
	if r.RawBase64 == "" {
		if r.Raw == "" {
			return nil, nil
		}
		return []byte(r.Raw), nil
	}
	data, err := base64.StdEncoding.DecodeString(r.RawBase64)
	if err != nil {
		return nil, contract.Inputf("rawBase64: %v", err)
	}
	return data, nil
}

// exchangeRaw writes bytes and reads as many answers as are wanted, on a connection of its own.
func (t *Traffic) exchangeRaw(ctx context.Context, from plan.Source, r contract.Request, data []byte) ([]contract.RawResponse, answer) {
	connection, err := t.dial(ctx, from, r.Host, r.Port, r.TLS)
	if err != nil {
		return nil, answer{problem: problem(err)}
	}
	defer connection.Close()
	if r.TLS {
		if connection, err = t.encrypt(ctx, connection, r.Host, r.ClientCertificate); err != nil {
			return nil, answer{problem: problem(err)}
		}
	}
	if deadline, ok := ctx.Deadline(); ok {
		_ = connection.SetDeadline(deadline)
	}
	if _, err := connection.Write(data); err != nil {
		return nil, answer{problem: problem(err)}
	}
	method, _, _ := strings.Cut(string(data), " ")
	reader := bufio.NewReader(connection)
	var all []contract.RawResponse
	var first answer
	for i := range max(r.RawResponses, 1) {
		response, err := http.ReadResponse(reader, &http.Request{Method: method})
		if err != nil {
			if i == 0 {
				first.problem = problem(err)
			}
			break
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		raw := contract.RawResponse{
			Protocol: response.Proto, Status: response.StatusCode, Body: string(body),
			Reason: strings.TrimSpace(strings.TrimPrefix(response.Status, response.Status[:3])),
		}
		raw.Headers, raw.RepeatedHeaders = contract.Report(response.Header)
		if len(response.Trailer) > 0 {
			raw.Trailers, _ = contract.Report(response.Trailer)
		}
		all = append(all, raw)
		if i == 0 {
			first = answer{status: response.StatusCode, header: response.Header, body: string(body)}
		}
		if response.Close {
			// Said so; the proxy lingers a while before it does it.
			all[i].Closed = true
			return all, first
		}
		if err != nil {
			break
		}
	}
	if len(all) > 0 {
		// Whether the other side closes without a word shows at once or not at all.
		_ = connection.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		_, err := reader.ReadByte()
		all[len(all)-1].Closed = err == io.EOF
	}
	return all, first
}
