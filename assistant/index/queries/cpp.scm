(namespace_definition name: (_) @name) @module
(class_specifier name: [(type_identifier) @name (template_type name: (_) @name)] body: (_)) @class
(struct_specifier name: [(type_identifier) @name (template_type name: (_) @name)] body: (_)) @class
(union_specifier name: (_) @name body: (_)) @class
(enum_specifier name: (_) @name body: (_)) @type
(concept_definition name: (_) @name) @type
(alias_declaration name: (_) @name) @type
(type_definition declarator: (type_identifier) @name) @type
(function_declarator declarator: [(identifier) (field_identifier) (operator_name) (destructor_name)] @name) @function
(function_declarator declarator: (qualified_identifier
  scope: [(namespace_identifier) @parent (template_type name: (_) @parent)]
  name: [(identifier) (operator_name) (destructor_name)] @name)) @method
(preproc_function_def name: (identifier) @name) @function
(preproc_def name: (identifier) @name value: (_)) @constant
(comment) @quiet
(string_content) @quiet
(raw_string_content) @quiet
(system_lib_string) @quiet
