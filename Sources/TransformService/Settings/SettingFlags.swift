// The list of settings -> command-line flags.

import ArgumentParser

/// The flags of `serve`. ArgumentParser finds a type's declarations by reflection and decodes them
/// by name; so this type has a child for each setting, but no property for any.
struct SettingFlags: ParsableArguments, CustomReflectable {
    /// The given values, by the setting's name.
    private(set) var values: [String: String] = [:]

    init() {}

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Name.self)
        for setting in Setting.all {
            let name = Name(stringValue: setting.name)
            if setting.valueName == nil {
                let flag = try container.decode(Flag<Bool>.self, forKey: name)
                values[setting.name] = flag.wrappedValue ? "true" : nil
            } else {
                let option = try container.decode(Option<String?>.self, forKey: name)
                values[setting.name] = option.wrappedValue
            }
        }
    }

    var customMirror: Mirror {
        Mirror(
            self, children: Setting.all.map { (label: $0.name, value: Self.declaration($0)) })
    }

    private static func declaration(_ setting: Setting) -> Any {
        guard let valueName = setting.valueName else {
            return Flag(
                wrappedValue: false, name: .customLong(setting.name),
                help: ArgumentHelp(setting.fullHelp))
        }
        return Option<String?>(
            name: .customLong(setting.name),
            help: ArgumentHelp(setting.fullHelp, valueName: valueName))
    }

    private struct Name: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
}
