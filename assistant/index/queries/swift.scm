(class_declaration name: [(type_identifier) @name (user_type (type_identifier) @name)]) @class
(protocol_declaration name: (type_identifier) @name) @class
(typealias_declaration name: (type_identifier) @name) @type
(function_declaration name: (simple_identifier) @name) @function
(protocol_function_declaration name: (simple_identifier) @name) @function
(init_declaration name: "init" @name) @method
(source_file (property_declaration name: (pattern (simple_identifier) @name)) @constant)
(comment) @quiet
(multiline_comment) @quiet
(line_str_text) @quiet
(multi_line_str_text) @quiet
