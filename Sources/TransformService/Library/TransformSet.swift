// The transforms folder -> all its transforms, compiled, and the faults of the others. One set is
// one version of the folder; it never changes.

import Transforms

final class TransformSet: Sendable {
    /// How often a folder is read at most if it keeps changing.
    private static var readCountMax: Int { 5 }

    let listing: FolderListing?
    /// Faults of the listing, then those of files, by path.
    let faults: [LoadFault]
    /// Files that serve only to be imported.
    let libraryCount: Int
    /// The digest of all names and digests.
    let digest: String
    private let transforms: [String: NamedTransform]

    /// No folder.
    static let none = TransformSet(nil, [:], [], libraryCount: 0)

    private init(
        _ listing: FolderListing?, _ transforms: [String: NamedTransform], _ faults: [LoadFault],
        libraryCount: Int
    ) {
        self.listing = listing
        self.transforms = transforms
        self.faults = faults
        self.libraryCount = libraryCount
        let lines = transforms.keys.sorted().map { "\($0) \(transforms[$0]?.digest ?? "")\n" }
        digest = SHA256.hex(Array(lines.joined().utf8))
    }

    var count: Int { transforms.count }

    /// Ordered by name.
    var all: [NamedTransform] { transforms.values.sorted { $0.name < $1.name } }

    subscript(name: String) -> NamedTransform? { transforms[name] }

    /// Reads and compiles a folder, and again if it changes meanwhile.
    static func load(_ folder: String) -> TransformSet {
        var listing = FolderListing(folder)
        for _ in 1..<readCountMax {
            let set = compile(listing)
            let after = FolderListing(folder)
            if after == listing { return set }
            listing = after
        }
        let fault = LoadFault(path: "", message: "changes while it is read")
        return TransformSet(listing, [:], [fault], libraryCount: 0)
    }

    private static func compile(_ listing: FolderListing) -> TransformSet {
        let texts = FolderTexts(listing)
        var transforms: [String: NamedTransform] = [:]
        var faults = listing.faults
        var libraryCount = 0
        for path in listing.files.keys.sorted() where path.hasSuffix(".jq") {
            do throws(LoadFault) {
                if let transform = try compile(path, texts) {
                    transforms[transform.name] = transform
                } else {
                    libraryCount += 1
                }
            } catch {
                // A fault of a module occurs in every transform that imports it.
                if !faults.contains(error) { faults.append(error) }
            }
        }
        return TransformSet(listing, transforms, faults, libraryCount: libraryCount)
    }

    /// - Returns: nil for a library, which is only checked.
    private static func compile(
        _ path: String, _ texts: FolderTexts
    ) throws(LoadFault) -> NamedTransform? {
        let text = try texts.text(path)
        let head: ModuleHead
        do throws(CompileError) { head = try ModuleHead(text) } catch {
            throw LoadFault(path: path, text: text, offset: error.offset, message: error.message)
        }
        if head.isEmpty {
            throw LoadFault(path: path, message: "holds neither a program nor definitions")
        }
        if !head.isLibrary {
            return try NamedTransform(path: path, text: text, head: head, texts)
        }
        let modules = FolderModules(texts, program: path)
        do throws(CompileError) {
            _ = try Program.compile(text, modules: modules, isLibrary: true)
        } catch {
            throw NamedTransform.fault(error, path: path, text: text, modules: modules.loadedTexts)
        }
        return nil
    }
}
