// A request's arguments for a named transform -> a problem if they are not allowed; and the
// location of an error in its run.

import Transforms

extension NamedTransform {
    /// Refuses arguments that the metadata does not declare; the problem lists those that it does.
    func check(argument name: String) throws(Problem) {
        guard let known = metadata.arguments, !known.contains(where: { $0.name == name }) else {
            return
        }
        let names = known.map { "`\($0.name)`" }.joined(separator: ", ")
        throw Problem(
            .unknownArgument,
            "The transform `\(self.name)` has no argument `\(name.prefix(200))`; "
                + (names.isEmpty ? "it has none." : "it has \(names)."))
    }

    /// - Parameter offset: of a run's error; counts through the program and all its modules.
    func place(of offset: Int) -> Problem.Place? {
        guard let (module, offset) = program.moduleOffset(of: offset) else { return nil }
        guard let text = module.map({ modules[$0] }) ?? text else { return nil }
        var place = Problem.Place(offset: offset, in: text)
        place.file = module ?? path
        return place
    }
}

extension Problem.Place {
    /// The location of an offset in a program's text.
    init(offset: Int, in text: [UInt8]) {
        let place = ProgramLocation(offset: offset, in: text)
        self.init(
            offset: min(max(offset, 0), text.count), line: place.line, column: place.column,
            excerpt: place.excerpt)
    }
}
