(function_declaration name: (identifier) @name) @function
(function_declaration name: (dot_index_expression table: (identifier) @parent field: (identifier) @name)) @function
(function_declaration name: (method_index_expression table: (identifier) @parent method: (identifier) @name)) @method
(assignment_statement
  (variable_list name: [(identifier) @name (dot_index_expression field: (identifier) @name)])
  (expression_list value: (function_definition))) @function
(field name: (identifier) @name value: (function_definition)) @method
(comment) @quiet
(string_content) @quiet
