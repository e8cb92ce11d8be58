"""Sign-in: people come with the account that they have at the team's OIDC provider.

An authorisation code with PKCE at both ends: between this service and the provider, and between
this service and the program or page that the person uses. It ends in a token of an hour and no
cookie. A claim of the provider's can say which groups a person is in.
"""
