// What a request asks of a named transform -> a problem where it can't have it; and the place of an
// error of its run.

import Transforms

extension NamedTransform {
    /// Arguments that the metadata does not know are refused, with those that it knows.
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

    /// - Parameter offset: of a run's error; counts through the program and its modules.
    func place(of offset: Int) -> Problem.Place? {
        guard let (module, offset) = program.moduleOffset(of: offset) else { return nil }
        guard let text = module.map({ modules[$0] }) ?? text else { return nil }
        var place = Problem.Place(offset: offset, in: text)
        place.file = module ?? path
        return place
    }
}

extension Problem.Place {
    /// A place in a program's text.
    init(offset: Int, in text: [UInt8]) {
        let place = ProgramLocation(offset: offset, in: text)
        self.init(
            offset: min(max(offset, 0), text.count), line: place.line, column: place.column,
            excerpt: place.excerpt)
    }
}
