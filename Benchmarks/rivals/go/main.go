// `go-rival PORT THREADS`: the transforms of service.py as a Go service writes them, on net/http.
//
//	POST /transform    orders -> one group a city, through encoding/json's any, as for any JSON
//	POST /small        {"name", "values"} -> {"name", "total"}
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"sort"
	"strconv"
)

type group struct {
	City   string  `json:"city"`
	Orders int     `json:"orders"`
	Units  float64 `json:"units"`
	Total  float64 `json:"total"`
}

type smallAnswer struct {
	Name  string  `json:"name"`
	Total float64 `json:"total"`
}

var errShape = errors.New("bad input")

func transform(input any) (any, error) {
	orders, ok := input.([]any)
	if !ok {
		return nil, errShape
	}
	groups := map[string]*group{}
	for _, value := range orders {
		order, ok := value.(map[string]any)
		if !ok {
			return nil, errShape
		}
		if order["status"] == "returned" {
			continue
		}
		customer, _ := order["customer"].(map[string]any)
		address, _ := customer["address"].(map[string]any)
		city, ok := address["city"].(string)
		if !ok {
			return nil, errShape
		}
		g := groups[city]
		if g == nil {
			g = &group{City: city}
			groups[city] = g
		}
		g.Orders++
		items, _ := order["items"].([]any)
		for _, item := range items {
			fields, _ := item.(map[string]any)
			quantity, _ := fields["qty"].(float64)
			g.Units += quantity
		}
		total, _ := order["total"].(float64)
		g.Total += total
	}
	sorted := make([]*group, 0, len(groups))
	for _, g := range groups {
		sorted = append(sorted, g)
	}
	sort.Slice(sorted, func(i, j int) bool { return sorted[i].City < sorted[j].City })
	return sorted, nil
}

func small(input any) (any, error) {
	object, ok := input.(map[string]any)
	if !ok {
		return nil, errShape
	}
	answer := smallAnswer{}
	answer.Name, _ = object["name"].(string)
	values, _ := object["values"].([]any)
	for _, value := range values {
		number, _ := value.(float64)
		answer.Total += number
	}
	return answer, nil
}

func handler(work func(any) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var input any
		if err == nil {
			err = json.Unmarshal(body, &input)
		}
		var answer any
		if err == nil {
			answer, err = work(input)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		text, err := json.Marshal(answer)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(text)
	}
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: go-rival PORT THREADS")
		os.Exit(64)
	}
	if threads, err := strconv.Atoi(os.Args[2]); err == nil {
		runtime.GOMAXPROCS(threads)
	}
	http.HandleFunc("/transform", handler(transform))
	http.HandleFunc("/small", handler(small))
	fmt.Fprintln(os.Stderr, http.ListenAndServe("127.0.0.1:"+os.Args[1], nil))
	os.Exit(1)
}
