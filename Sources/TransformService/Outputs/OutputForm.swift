// The form of a program's outputs in the response, and the media type that expresses it.
//
//     one      {"a":1}             application/json
//     array    [{"a":1},{"a":2}]   application/json
//     lines    {"a":1}\n{"a":2}\n  application/x-ndjson, application/jsonl
//     text     a,b\n1,2\n          text/csv, text/tab-separated-values, text/plain

/// How a program's outputs become a response.
enum OutputForm: Sendable, Equatable {
    /// Exactly one output, as the content.
    case one
    /// All outputs, in an array.
    case array
    /// All outputs, one per line.
    case lines
    /// All outputs, which must be strings, unquoted, one per line.
    case text

    init?(name: String) {
        switch name {
        case "one": self = .one
        case "array": self = .array
        default: return nil
        }
    }
}

/// The media types of responses.
enum OutputMedia: Int, Sendable, Equatable, CaseIterable {
    case lines, linesText, json, plain, csv, tsv

    /// Type and subtype.
    var essence: String {
        switch self {
        case .lines: "application/x-ndjson"
        case .linesText: "application/jsonl"
        case .json: "application/json"
        case .plain: "text/plain"
        case .csv: "text/csv"
        case .tsv: "text/tab-separated-values"
        }
    }

    /// Whether it consists of unquoted strings.
    var isText: Bool {
        switch self {
        case .lines, .linesText, .json: false
        case .plain, .csv, .tsv: true
        }
    }

    /// The value of Content-Type.
    var contentType: StaticString {
        switch self {
        case .lines: "application/x-ndjson"
        case .linesText: "application/jsonl"
        case .json: "application/json"
        case .plain: "text/plain; charset=utf-8"
        case .csv: "text/csv; charset=utf-8"
        case .tsv: "text/tab-separated-values; charset=utf-8"
        }
    }
}

/// A form with its media type.
struct OutputChoice: Sendable, Equatable {
    var form: OutputForm
    var media: OutputMedia

    static var one: OutputChoice { OutputChoice(form: .one, media: .json) }
    static var lines: OutputChoice { OutputChoice(form: .lines, media: .lines) }

    init(form: OutputForm, media: OutputMedia) {
        self.form = form
        self.media = media
    }

    /// A value of `outputs` in a transform's metadata.
    init?(name: String) {
        switch name {
        case "one": self.init(form: .one, media: .json)
        case "array": self.init(form: .array, media: .json)
        case "lines": self.init(form: .lines, media: .lines)
        case "text": self.init(form: .text, media: .plain)
        case "csv": self.init(form: .text, media: .csv)
        case "tsv": self.init(form: .text, media: .tsv)
        default: return nil
        }
    }

    static let names = ["one", "array", "lines", "text", "csv", "tsv"]

    /// Its name in metadata.
    var name: String { Self.names.first { OutputChoice(name: $0) == self } ?? "one" }

    /// - Parameters:
    ///   - requested: the value of the request's `outputs`.
    ///   - defaultChoice: the transform's.
    init(_ acceptance: Acceptance, requested: OutputForm?, defaultChoice: OutputChoice) {
        media = acceptance.choice(defaultMedia: requested == nil ? defaultChoice.media : .json)
        switch media {
        case .lines, .linesText: form = .lines
        case .plain, .csv, .tsv: form = .text
        case .json: form = requested ?? (defaultChoice.form == .one ? .one : .array)
        }
    }

    /// The choice for a batch: the media type is that of the whole response, the form that of each
    /// input's outputs. By default an input may have any number of outputs.
    /// - Parameter isArray: the inputs are an array's elements; else the response is lines, even if
    ///   the client asks for JSON.
    init(
        batch acceptance: Acceptance, requested: OutputForm?, defaultChoice: OutputChoice,
        isArray: Bool
    ) {
        var media = acceptance.choice(
            defaultMedia: requested == nil && defaultChoice.media != .json
                ? defaultChoice.media : isArray ? .json : .lines)
        if !isArray, media == .json { media = .lines }
        self.media = media
        form = media.isText ? .text : requested ?? (defaultChoice.form == .array ? .array : .lines)
    }
}
