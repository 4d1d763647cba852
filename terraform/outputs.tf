output "aws_subject" {
  description = "Numeric id of integrations-aws, which customers write into their trust policies at AWS."
  value       = module.federation.subject
}

output "egress_address" {
  description = "Address from which providers are called, for customers' allowlists; null where it is not fixed."
  value       = one(module.egress[*].address)
}

output "front" {
  description = "The one base URL and the address for the domain's A record; null without a domain."
  value       = one([for front in module.front : { address = front.address, url = front.url }])
}

output "key" {
  description = "Resource name of the key, `projects/<P>/locations/<L>/keyRings/<R>/cryptoKeys/<K>`."
  value       = module.keyring.key
}

output "oidc_audience" {
  description = "Audience of the tokens that pipelines send to decrypt in Authorization."
  value       = var.oidc_audience
}

output "operator_environment" {
  description = "Lines for an operator's shell, from which the command line works on this backend. Holds no secret."
  value = join("\n", [
    for name, value in local.environment : "export ${name}='${value}'"
    if value != "" && !contains(["CORS_ORIGINS", "NODE_ENV"], name)
  ])
}

output "pepper" {
  description = "The secret that needs a version before the first organisation key is made, `projects/<P>/secrets/<S>`."
  value       = module.pepper.name
}

output "service_accounts" {
  description = "Function => email of its service account."
  value       = { for name, function in module.function : name => function.email }
}

output "urls" {
  description = "Function => its URL, `https://…run.app`. Routes follow with or without /api/v1/integrations."
  value       = { for name, function in module.function : name => function.uri }
}
