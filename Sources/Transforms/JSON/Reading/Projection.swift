// Which parts of a text the program uses -> what its reader keeps. A table of entries that refer to
// each other:
//
//     .[] | select(.state == "paid") | .customer.city
//
//     1  elements, members: 2                an array's elements, or all members of an object
//     2  "state": all   "customer": 3        members of other names are skipped
//     3  "city": all
//
// The projection does not change what the program sees: scalars are always kept, an array keeps its
// count as long as any of its elements matter, and an object all its members as long as their
// number does. What is skipped is checked as strictly as what is kept.
//
// Safety: the table belongs to the program that it was made for, which outlives the reading.

@safe struct Projection {
    /// What is wanted of a value: an index into the table.
    typealias Want = Int32

    /// All of it.
    static var all: Want { 0 }
    /// Nothing, not even its existence: of a member that is not used.
    static var nothing: Want { -1 }

    struct Entry {
        /// Members that are wanted by their names: the first, and how many.
        var firstName: Int32
        var nameCount: Int32
        /// What is wanted of an object's other members, and of an array's elements.
        var others: Want
        var elements: Want
    }

    struct Name {
        var address: UInt
        var byteCount: Int32
        var want: Want

        var bytes: Bytes {
            unsafe Bytes(
                UnsafeMutablePointer(bitPattern: address).unsafelyUnwrapped, Int(byteCount))
        }
    }

    /// The table's number, which no other table ever has.
    let id: UInt64
    /// What is wanted of the whole text.
    let root: Want
    /// Whether the program changes its inputs in place: their containers are counted blocks then.
    let changes: Bool
    private let entries: UnsafePointer<Entry>
    private let names: UnsafePointer<Name>

    init(
        id: UInt64, root: Want, changes: Bool = false, entries: UnsafePointer<Entry>,
        names: UnsafePointer<Name>
    ) {
        self.id = id
        self.root = root
        self.changes = changes
        unsafe self.entries = entries
        unsafe self.names = names
    }

    /// Keeps everything.
    static var whole: Projection {
        unsafe Projection(
            id: 0, root: all, entries: UnsafePointer(bitPattern: 16).unsafelyUnwrapped,
            names: UnsafePointer(bitPattern: 16).unsafelyUnwrapped)
    }

    /// The same for a program that changes its inputs in place.
    var changing: Projection {
        unsafe Projection(id: id, root: root, changes: true, entries: entries, names: names)
    }

    /// What is wanted of an object's member.
    func member(_ want: Want, _ name: Bytes) -> Want {
        if want <= Projection.all { return Projection.all }
        let entry = unsafe entries[Int(want)]
        for i in Int(entry.firstName)..<Int(entry.firstName + entry.nameCount) {
            let known = unsafe names[i]
            if known.byteCount == name.count, known.bytes.hasSameBytesUncharged(name) {
                return known.want
            }
        }
        return entry.others
    }

    /// What is wanted of an array's elements.
    func elements(_ want: Want) -> Want {
        want <= Projection.all ? Projection.all : unsafe entries[Int(want)].elements
    }

    /// Which containers may be read as empty ones: 1 arrays, 2 objects.
    func shallowKinds(_ want: Want) -> Int32 {
        if want <= Projection.all { return 0 }
        let entry = unsafe entries[Int(want)]
        let isObjectBare = entry.nameCount == 0 && entry.others == Projection.nothing
        return (entry.elements == Projection.nothing ? 1 : 0) | (isObjectBare ? 2 : 0)
    }
}
