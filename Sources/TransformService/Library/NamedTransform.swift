// A file of the transforms folder, compiled: one version of a transform. Immutable; a request that
// has taken it keeps it to its end, whatever is loaded meanwhile.

import Transforms

final class NamedTransform: Sendable {
    let name: String
    /// The file's path relative to the folder.
    let path: String
    let text: [UInt8]
    let metadata: TransformMetadata
    let program: Program
    /// Of its batches: makes one answer of all outputs.
    let combiningProgram: Program?
    /// Path -> text, of its imports.
    let modules: [String: [UInt8]]
    /// SHA-256 in hexadecimal: of the text or, if there are modules, of all texts.
    let digest: String
    /// The digest's hash, by which the cost of its runs is learned.
    let digestHash: Int
    /// The defaults of the arguments, in order, as the text of an object. Each run reads documents
    /// that point into it, so it must not move.
    let defaults: ConstantBytes?

    /// - Throws: `LoadFault` with its location.
    init(path: String, text: [UInt8], head: ModuleHead, _ texts: FolderTexts) throws(LoadFault) {
        self.path = path
        self.text = text
        name = String(path.dropLast(".jq".count))
        let metadata = try TransformMetadata(head, path: path, text: text)
        self.metadata = metadata
        let source = FolderModules(texts, program: path)
        // Safety: the bytes live while the closure runs.
        let names = unsafe text.withUnsafeBytes {
            unsafe ArgumentsObject.names(metadata.arguments?.map(\.name) ?? [], in: $0)
        }
        do throws(CompileError) {
            program = try Program.compile(text, argumentNames: names, modules: source)
        } catch {
            throw Self.fault(error, path: path, text: text, modules: source.loadedTexts)
        }
        combiningProgram = try Self.compile(metadata.combine, names, path, text)
        modules = source.loadedTexts
        let digest = Self.digest(text, source.loadedTexts)
        self.digest = digest
        digestHash = digest.hashValue
        defaults = metadata.arguments.flatMap { arguments in
            arguments.isEmpty ? nil : ConstantBytes(Self.object(arguments))
        }
    }

    private static func compile(
        _ combine: (text: String, offset: Int)?, _ names: [String], _ path: String, _ text: [UInt8]
    ) throws(LoadFault) -> Program? {
        guard let combine else { return nil }
        do throws(CompileError) {
            return try Program.compile(Array(combine.text.utf8), argumentNames: names)
        } catch {
            let location = ProgramLocation(offset: error.offset, in: Array(combine.text.utf8))
            throw LoadFault(
                path: path, text: text, offset: combine.offset,
                message: "`combine`: \(error.message) at line \(location.line), "
                    + "column \(location.column)")
        }
    }

    static func fault(
        _ error: CompileError, path: String, text: [UInt8], modules: [String: [UInt8]]
    ) -> LoadFault {
        if let module = error.module, let text = modules[module] {
            return LoadFault(
                path: module, text: text, offset: error.offset, message: error.message)
        }
        var message = error.message
        if message.hasPrefix("$"), message.hasSuffix(" is not defined") {
            message += "; arguments are declared in the module's `args`"
        }
        return LoadFault(path: path, text: text, offset: error.offset, message: message)
    }

    /// For the text alone it equals the output of `sha256sum`; with modules, the digest of the
    /// text's digest and a line `PATH DIGEST` for each module.
    private static func digest(_ text: [UInt8], _ modules: [String: [UInt8]]) -> String {
        let own = SHA256.hex(text)
        if modules.isEmpty { return own }
        var lines = own + "\n"
        for (path, text) in modules.sorted(by: { $0.key < $1.key }) {
            lines += "\(path) \(SHA256.hex(text))\n"
        }
        return SHA256.hex(Array(lines.utf8))
    }

    /// `{"limit":10}`: names are letters, digits and `_`.
    static func object(_ arguments: [TransformMetadata.Argument]) -> [UInt8] {
        var bytes = Array("{".utf8)
        for argument in arguments {
            if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
            bytes += Array("\"\(argument.name)\":".utf8) + argument.defaultJSON
        }
        return bytes + Array("}".utf8)
    }
}

/// Bytes at a fixed address for as long as the object lives.
@safe final class ConstantBytes: @unchecked Sendable {
    // `Sendable`: written by `init` only. Safety: freed by `deinit`.
    let bytes: UnsafeRawBufferPointer

    init(_ content: [UInt8]) {
        let memory = UnsafeMutableRawBufferPointer.allocate(
            byteCount: content.count, alignment: 16)
        unsafe memory.copyBytes(from: content)
        unsafe bytes = UnsafeRawBufferPointer(memory)
    }

    deinit { unsafe bytes.deallocate() }
}
