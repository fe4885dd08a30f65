// A process that crashes -> the names of the running jobs on its standard error, and the end by the
// same signal.

import Glibc
import Testing

@testable import TransformService

@Suite(.serialized, .timeLimit(.minutes(2)))
struct CrashReportTests {
    @Test(arguments: [SIGSEGV, SIGABRT, SIGILL, SIGTRAP, SIGBUS, SIGFPE])
    func namesTheRunningJobs(_ signal: Int32) throws {
        let process = try ServiceProcess(["--log-level", "info"])
        // A job that is over is not named.
        #expect(try process.ask(RunningService.request(#"{"program":"1"}"#)).status == 200)
        let clients = try ["job-one", "job-two"].map { name in
            let client = try process.client()
            client.send(
                RunningService.request(
                    DeadlineTests.endless, fields: "X-Request-Id: \(name)\r\n"))
            return client
        }
        let busy = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"
        #expect(
            process.wait {
                let text = (try? process.ask(busy).content) ?? ""
                return text.contains("\ntransform_workers_busy 2\n")
            })
        // A worker is busy a moment before its job is recorded. It is recorded before it runs,
        // which the time of its thread shows.
        #expect(
            process.wait {
                process.process.threadMilliseconds("worker-").count { $0 >= 50 } == 2
            })
        process.signal(signal)
        #expect(process.wait() == -signal)
        let message = process.message
        #expect(message.contains("transform-service: crashed by signal \(signal)\n"))
        for name in ["job-one", "job-two"] {
            let line = message.split(separator: "\n").first { $0.contains("request_id=\(name) ") }
            let digest = line?.split(separator: "=").last ?? ""
            #expect(digest.count == 16 && digest != "0000000000000000", "\(line ?? "none")")
        }
        #expect(message.split(separator: "\n").count { $0.contains("job in work") } == 2)
        for client in clients { client.close() }
    }
}
