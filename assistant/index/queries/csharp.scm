(namespace_declaration name: (_) @name) @module
(class_declaration name: (_) @name) @class
(interface_declaration name: (_) @name) @class
(struct_declaration name: (_) @name) @class
(record_declaration name: (_) @name) @class
(enum_declaration name: (_) @name) @type
(delegate_declaration name: (_) @name) @type
(method_declaration name: (_) @name) @method
(constructor_declaration name: (_) @name) @method
(local_function_statement name: (_) @name) @function
(property_declaration name: (_) @name) @method
(field_declaration (modifier) @const
  (variable_declaration (variable_declarator name: (identifier) @name)) (#eq? @const "const")) @constant
(comment) @quiet
(string_literal_content) @quiet
(string_content) @quiet
(verbatim_string_literal) @quiet
