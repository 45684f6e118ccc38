(class_declaration name: (_) @name) @class
(interface_declaration name: (_) @name) @class
(trait_declaration name: (_) @name) @class
(enum_declaration name: (_) @name) @class
(function_definition name: (_) @name) @function
(method_declaration name: (_) @name) @method
(const_element (name) @name) @constant
(comment) @quiet
(string_content) @quiet
(text) @quiet
