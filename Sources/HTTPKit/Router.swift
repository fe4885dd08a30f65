// Method and path -> the endpoint that serves them; else 404, 405 with Allow, 501 for an unknown
// method, or the response to OPTIONS.
//
//     routes.add([.post], "/transform", transform)
//     routes.add([.post], "/transform/{name...}", named)   // pathParameter: the rest, decoded

/// The routes of a server, in the order in which they are tried.
public struct Routes: Sendable {
    fileprivate final class Route: Sendable {
        /// The path, or its part before the parameter.
        let path: [UInt8]
        let hasParameter: Bool
        let methods: [Method]
        let endpoint: any HTTPHandler
        let template: Int

        init(
            path: [UInt8], hasParameter: Bool, methods: [Method], endpoint: any HTTPHandler,
            template: Int
        ) {
            self.path = path
            self.hasParameter = hasParameter
            self.methods = methods
            self.endpoint = endpoint
            self.template = template
        }

        func serves(_ method: Method) -> Bool {
            methods.contains(method) || method == .head && methods.contains(.get)
        }

        func matches(_ bytes: BorrowedBytes, _ path: Range<Int>) -> Bool {
            let count = self.path.count
            guard hasParameter ? path.count > count : path.count == count else { return false }
            return bytes.equals(path.lowerBound..<path.lowerBound + count, self.path)
        }
    }

    fileprivate var routes: [Route] = []
    /// The paths of the routes, each once: `/transform/{name}`.
    public private(set) var templates: [String] = []

    public init() {}

    /// Adds a route. Routes are tried in the order in which they were added.
    /// - Parameter path: ASCII; may end in `/{name...}`, which matches one byte or more.
    public mutating func add(_ methods: [Method], _ path: String, _ endpoint: any HTTPHandler) {
        precondition(path.first == "/")
        var bytes = Array(path.utf8)
        let brace = bytes.firstIndex(of: UInt8(ascii: "{"))
        if let brace {
            precondition(path.hasSuffix("...}") && bytes[brace - 1] == 0x2F)
            bytes.removeSubrange(brace...)
        }
        let name = brace == nil ? path : path.dropLast(4) + "}"
        let template = templates.firstIndex(of: name) ?? templates.count
        if template == templates.count { templates.append(name) }
        routes.append(
            Route(
                path: bytes, hasParameter: brace != nil, methods: methods, endpoint: endpoint,
                template: template))
    }
}

/// A handler that passes each request to the endpoint of its path and method. HEAD is served
/// wherever GET is.
public final class Router: HTTPHandler {
    private let routes: [Routes.Route]

    public init(_ routes: Routes) { self.routes = routes.routes }

    private enum Match {
        case endpoint(any HTTPHandler, template: Int, parameter: String?)
        case wrongMethod(allowed: [Method], template: Int)
        case nothing
    }

    public func receive(_ request: Request, _ exchange: Exchange) -> BodyPlan {
        if request.isAsterisk {
            respondToOptions(allowed: allMethods, exchange)
            return .drop
        }
        if let known = request.endpoint { return known.receive(request, exchange) }
        if request.method == .other {
            exchange.reject(ProtocolError(.unsupportedMethod))
            return .drop
        }
        do {
            switch try match(request) {
            case .endpoint(let endpoint, let template, let parameter):
                request.endpoint = endpoint
                request.routeIndex = template
                request.pathParameter = parameter
                return endpoint.receive(request, exchange)
            case .wrongMethod(let allowed, let template) where request.method == .options:
                request.routeIndex = template
                respondToOptions(allowed: allowed, exchange)
            case .wrongMethod(let allowed, let template):
                request.routeIndex = template
                var fields = ResponseFields()
                fields.add("Allow", Self.allowList(allowed))
                exchange.reject(ProtocolError(.methodNotAllowed), fields: fields)
            case .nothing:
                exchange.reject(ProtocolError(.notFound))
            }
        } catch {
            exchange.reject(error)
        }
        return .drop
    }

    public func handle(
        _ request: Request, content: consuming RequestContent, _ exchange: Exchange
    ) {
        request.endpoint?.handle(request, content: content, exchange)
    }

    private func match(_ request: Request) throws(ProtocolError) -> Match {
        try request.withBytes { (bytes) throws(ProtocolError) in
            let path = request.head.path
            let escape = bytes.firstOffset(
                of: UInt8(ascii: "%"), from: path.lowerBound, to: path.upperBound)
            if escape == nil, !path.isEmpty { return find(bytes, path, request.method) }
            var decoded = try PercentDecoding.decode(bytes, path, plusIsSpace: false)
            if decoded.isEmpty { decoded = [UInt8(ascii: "/")] }
            // Safety: the array outlives the closure, which alone accesses its bytes.
            return unsafe decoded.withUnsafeBytes { memory in
                find(unsafe BorrowedBytes(memory), 0..<decoded.count, request.method)
            }
        }
    }

    private func find(_ bytes: BorrowedBytes, _ path: Range<Int>, _ method: Method) -> Match {
        var allowed: [Method] = []
        var template = 0
        for route in routes where route.matches(bytes, path) {
            if route.serves(method) {
                guard route.hasParameter else {
                    return .endpoint(
                        route.endpoint, template: route.template, parameter: nil)
                }
                let start = path.lowerBound + route.path.count
                return .endpoint(
                    route.endpoint, template: route.template,
                    parameter: bytes.string(start..<path.upperBound))
            }
            if allowed.isEmpty { template = route.template }
            allowed += route.methods
        }
        return allowed.isEmpty ? .nothing : .wrongMethod(allowed: allowed, template: template)
    }

    private var allMethods: [Method] {
        Method.allCases.filter { method in routes.contains { $0.methods.contains(method) } }
    }

    private func respondToOptions(allowed: [Method], _ exchange: Exchange) {
        var fields = ResponseFields()
        fields.add("Allow", Self.allowList(allowed))
        exchange.respond(Response(.noContent, fields: fields))
    }

    /// `GET, HEAD, OPTIONS`, in the order of `Method`'s cases.
    private static func allowList(_ methods: [Method]) -> String {
        var all = methods + [.options]
        if methods.contains(.get) { all.append(.head) }
        return Method.allCases.filter { all.contains($0) }.map { "\($0.name)" }
            .joined(separator: ", ")
    }
}
