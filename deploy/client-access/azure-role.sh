#!/bin/sh
# Lets an Alert Whisperer of your service provider run approved scripts on the virtual machines of one subscription, and
# nothing else. Needs the Azure CLI, signed in (az login) as somebody who may assign roles there.
set -eu

client_id="${CLIENT_ID:-}"          # filled: client_id
subscription="${SUBSCRIPTION:-}"    # filled: subscription_id
role="$(cat "$(dirname "$0")/azure-role.json")" # filled: role

if [ -z "$client_id" ] || [ -z "$subscription" ]; then
  echo "Set CLIENT_ID and SUBSCRIPTION." >&2
  exit 1
fi

role="$(printf '%s' "$role" | sed "s|/subscriptions/00000000-0000-0000-0000-000000000000|/subscriptions/$subscription|")"
az ad sp show --id "$client_id" >/dev/null 2>&1 || az ad sp create --id "$client_id" >/dev/null
if [ "$(az role definition list --name "Alert Whisperer" --scope "/subscriptions/$subscription" --query 'length(@)')" = 0 ]; then
  az role definition create --role-definition "$role" >/dev/null
else
  az role definition update --role-definition "$role" >/dev/null
fi
az role assignment create --assignee "$client_id" --role "Alert Whisperer" --scope "/subscriptions/$subscription" >/dev/null
echo "Done. Take it back with:"
echo "  az role assignment delete --assignee $client_id --role 'Alert Whisperer' --scope /subscriptions/$subscription"
