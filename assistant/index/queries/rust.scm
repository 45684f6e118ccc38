(struct_item name: (_) @name) @class
(enum_item name: (_) @name) @class
(union_item name: (_) @name) @class
(trait_item name: (_) @name) @class
(impl_item type: [(type_identifier) @name (generic_type type: (type_identifier) @name)]) @scope
(function_item name: (_) @name) @function
(function_signature_item name: (_) @name) @function
(macro_definition name: (_) @name) @function
(type_item name: (_) @name) @type
(const_item name: (_) @name) @constant
(static_item name: (_) @name) @constant
(mod_item name: (_) @name body: (_)) @module
(line_comment) @quiet
(block_comment) @quiet
(string_literal) @quiet
(raw_string_literal) @quiet
