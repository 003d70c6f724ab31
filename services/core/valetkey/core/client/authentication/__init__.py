"""How clients authenticate."""
