(function_definition name: (word) @name) @function
(program (variable_assignment name: (variable_name) @name) @constant)
(program (declaration_command (variable_assignment name: (variable_name) @name) @constant))
(comment) @quiet
(raw_string) @quiet
(string_content) @quiet
(heredoc_body) @quiet
