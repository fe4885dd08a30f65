// The document that `GET /openapi.json` serves describes the routes, parameters and problems that
// the service has.

import HTTPKit
import Testing
import Transforms

@testable import TransformService

@Suite(.serialized, .timeLimit(.minutes(2)))
struct OpenAPITests {
    /// Runs a jq program on the document.
    private func ask(_ program: String) throws -> [String] {
        let runner = Runner()
        runner.begin()
        let bytes = Array(OpenAPI.text.utf8)
        let compiled = try Program.compile(program)
        var outputs: [String] = []
        try unsafe bytes.withUnsafeBytes { text in
            let document = try unsafe runner.read(text)
            try runner.evaluate(compiled, document) { output in
                outputs.append(output.string ?? "")
                return true
            }
        }
        return outputs
    }

    @Test func isServed() async throws {
        try await RunningService.with { running in
            let reply = try await running.ask("GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(reply.status == 200)
            #expect(reply.field("Content-Type") == "application/json")
            #expect(reply.content == OpenAPI.text)
        }
        #expect(try ask(".openapi") == ["3.1.0"])
    }

    /// What is served is described, and nothing else.
    @Test func namesEveryRoute() async throws {
        let described = Set(try ask(".paths | keys[]"))
        try await RunningService.with { running in
            let served = Set(running.service.gauges().routes)
            #expect(served.subtracting(described) == [])
            #expect(described.subtracting(served) == [])
        }
    }

    /// A query parameter that is not listed is an argument.
    @Test func listsEveryQueryParameter() throws {
        let program = """
            .components.parameters as $all
            | .paths["/transform/{name}"].post.parameters[]
            | if has("$ref") then $all[.["$ref"] | ltrimstr("#/components/parameters/")] end
            | select(.in == "query").name
            """
        #expect(Set(try ask(program)) == TransformMetadata.reserved)
    }

    @Test func referencesLeadSomewhere() throws {
        let missing = """
            . as $root | [.. | objects | .["$ref"]? // empty] | unique[]
            | select(. as $ref | ($ref | ltrimstr("#/") | split("/")) as $path
            | $root | getpath($path) | not)
            """
        #expect(try ask(missing) == [])
        #expect(
            try ask(#"[.. | objects | .["$ref"]? // empty] | length > 40 | tostring"#) == ["true"])
    }

    @Test func listsEveryProblem() throws {
        let listed = Set(try ask(".components.schemas.Problem.properties.type.enum[]"))
        for kind in Problem.Kind.allCases { #expect(listed.contains("/problems/\(kind.slug)")) }
        for code in ProtocolError.Code.allCases {
            #expect(listed.contains("/problems/" + Problem.slug("\(code)")))
        }
    }

    @Test func operationsAreNamedOnce() throws {
        let names = try ask(".paths[][].operationId")
        #expect(names.count == Set(names).count && names.count >= 8)
        #expect(!names.contains(""))
    }

    /// The examples of envelopes run.
    @Test func examplesHold() async throws {
        let program =
            ".paths[\"/transform\"].post.requestBody.content[\"application/json\"].examples[].value"
            + " | tojson"
        let examples = try ask(program)
        #expect(examples.count >= 4)
        try await RunningService.with { running in
            for example in examples {
                let reply = try await running.post(example)
                #expect(reply.status == 200, "\(example): \(reply.content)")
            }
        }
    }
}
